/* Reflection: layouts, types, counts and activity, against what the GLSL says. */
#define _GNU_SOURCE
#include "test_shaders.h"

static const rg_member *member(const shaders_fixture *f, const char *block, const char *name) {
  const rg_block *found = shaders_binding(f, block)->block;
  assert_non_null(found);
  return shaders_member(found->members, found->member_count, name);
}

static void check(const rg_member *m, const char *type, uint32_t offset, uint32_t size,
                  uint32_t array_count, uint32_t array_stride, uint32_t matrix_stride) {
  assert_string_equal(m->type_name, type);
  assert_int_equal(m->offset, offset);
  assert_int_equal(m->size, size);
  assert_int_equal(m->array_count, array_count);
  assert_int_equal(m->array_stride, array_stride);
  assert_int_equal(m->is_array, array_stride != 0);
  assert_int_equal(m->matrix_stride, matrix_stride);
}

#define MEMBERS "vec3 a; float b; mat3 m[2]; float w[2][3]; vec2 v[4]; uint tail;"

static void the_three_layouts_are_told_apart(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(f,
                                     "#extension GL_EXT_scalar_block_layout : require\n"
                                     "layout(std140) uniform Std140 { " MEMBERS " } a;\n"
                                     "layout(std430) buffer Std430 { " MEMBERS " } b;\n"
                                     "layout(scalar) buffer Scalar { " MEMBERS " } c;\n"
                                     "void main() { c.b = a.b + b.b; }\n"));
  check(member(f, "Std140", "m"), "mat3", 16, 96, 2, 48, 16);
  check(member(f, "Std140", "w"), "float", 112, 96, 6, 16, 0);
  check(member(f, "Std140", "v"), "vec2", 208, 64, 4, 16, 0);
  check(member(f, "Std140", "tail"), "uint", 272, 4, 1, 0, 0);
  check(member(f, "Std430", "w"), "float", 112, 24, 6, 4, 0);
  check(member(f, "Std430", "v"), "vec2", 136, 32, 4, 8, 0);
  check(member(f, "Scalar", "m"), "mat3", 16, 72, 2, 36, 12);
  check(member(f, "Scalar", "v"), "vec2", 112, 32, 4, 8, 0);
  assert_int_equal(shaders_binding(f, "Scalar")->block->size, 148);
  assert_int_equal(shaders_binding(f, "Std140")->type, VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER);
  assert_int_equal(shaders_binding(f, "Std430")->type, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER);
}

static void structs_nest_and_matrices_may_lie_in_rows(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "struct Inner { vec3 a; mat4x2 m; }; struct Light { vec4 at; Inner inner[3]; };\n"
      "uniform Block { Light lights[2]; layout(row_major) mat4x3 rows; } block;\n"
      "buffer Out { float o; }; void main() { o = block.lights[1].inner[2].a.x\n"
      " + block.rows[0].x; }\n"));
  const rg_member *lights = member(f, "Block", "lights");
  check(lights, "Light", 0, 2 * 256, 2, 256, 0);
  assert_int_equal(lights->scalar, RG_SCALAR_NONE);
  assert_int_equal(lights->rows, 0);
  assert_int_equal(lights->member_count, 2);
  const rg_member *inner = shaders_member(lights->members, 2, "inner");
  check(inner, "Inner", 16, 240, 3, 80, 0);
  const rg_member *matrix = shaders_member(inner->members, inner->member_count, "m");
  check(matrix, "mat4x2", 16, 64, 1, 0, 16);
  assert_int_equal(matrix->columns, 4);
  assert_int_equal(matrix->rows, 2);
  assert_false(matrix->is_row_major);
  const rg_member *rows = member(f, "Block", "rows");
  check(rows, "mat4x3", 512, 48, 1, 0, 16);
  assert_true(rows->is_row_major);
}

static void runtime_arrays_have_no_count_and_no_size(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_compute(f,
                            "struct Item { vec3 a; float b; };\n"
                            "readonly buffer Items { uint count; Item items[]; };\n"
                            "buffer Out { float o[]; }; void main() { o[1] = items[2].b; }\n"));
  check(member(f, "Items", "items"), "Item", 16, 0, 0, 16, 0);
  assert_int_equal(shaders_binding(f, "Items")->block->size, 16);
  assert_true(shaders_binding(f, "Items")->is_readonly);
  assert_false(shaders_binding(f, "Out")->is_readonly);
  assert_true(member(f, "Items", "items")->is_active);
  assert_false(member(f, "Items", "count")->is_active);
}

static void booleans_are_known_as_such(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "struct S { uint n; bool inner; };\n"
      "uniform U { bool a; uint b; bvec3 c, d[2]; S s; }; buffer O { uint o; };\n"
      "void main() { o = uint(a && c.x && d[1].y && s.inner) + b + s.n; }\n"));
  assert_int_equal(member(f, "U", "a")->scalar, RG_SCALAR_BOOL);
  assert_string_equal(member(f, "U", "a")->type_name, "bool");
  assert_int_equal(member(f, "U", "b")->scalar, RG_SCALAR_UINT);
  assert_string_equal(member(f, "U", "c")->type_name, "bvec3");
  assert_int_equal(member(f, "U", "d")->scalar, RG_SCALAR_BOOL);
  const rg_member *s = member(f, "U", "s");
  assert_int_equal(shaders_member(s->members, 2, "n")->scalar, RG_SCALAR_UINT);
  assert_int_equal(shaders_member(s->members, 2, "inner")->scalar, RG_SCALAR_BOOL);
}

static void small_and_large_numbers_have_their_names(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "#extension GL_EXT_shader_explicit_arithmetic_types : require\n"
      "buffer B { int8_t a; u8vec2 b; int16_t c; f16vec3 d; int64_t e; u64vec2 g; double h;\n"
      "dmat2x3 i; ivec4 j; dvec2 k; };\nvoid main() { h = 1; }\n"));
  static const struct {
    const char *name, *type;
    rg_scalar scalar;
  } expected[] = {{"a", "int8_t", RG_SCALAR_INT8},   {"b", "u8vec2", RG_SCALAR_UINT8},
                  {"c", "int16_t", RG_SCALAR_INT16}, {"d", "f16vec3", RG_SCALAR_HALF},
                  {"e", "int64_t", RG_SCALAR_INT64}, {"g", "u64vec2", RG_SCALAR_UINT64},
                  {"h", "double", RG_SCALAR_DOUBLE}, {"i", "dmat2x3", RG_SCALAR_DOUBLE},
                  {"j", "ivec4", RG_SCALAR_INT},     {"k", "dvec2", RG_SCALAR_DOUBLE}};
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    const rg_member *found = member(f, "B", expected[i].name);
    assert_string_equal(found->type_name, expected[i].type);
    assert_int_equal(found->scalar, expected[i].scalar);
  }
}

static void a_list_of_nodes_by_reference_ends(void **state) {
  shaders_fixture *f = *state;
  assert_built(
      shaders_build_compute(f,
                            "#extension GL_EXT_buffer_reference : require\n"
                            "layout(buffer_reference) buffer Node;\n"
                            "layout(buffer_reference) buffer Node { Node next; float v; };\n"
                            "buffer List { Node first; Node all[3]; float sum; };\n"
                            "void main() { sum = first.next.v + all[1].v; }\n"));
  check(member(f, "List", "first"), "uint64_t", 0, 8, 1, 0, 0);
  check(member(f, "List", "all"), "uint64_t", 8, 24, 3, 8, 0);
  assert_int_equal(member(f, "List", "all")->member_count, 0);
}

static void images_and_samplers_have_their_kinds(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "uniform sampler2D s2; uniform sampler1DArray s1; uniform samplerCubeArray sc;\n"
      "uniform isampler2DMSArray ms; uniform sampler2DShadow sh; uniform usampler3D s3;\n"
      "uniform textureCube tc; uniform sampler smp; uniform samplerBuffer sb;\n"
      "layout(rgba8) uniform readonly image2D im; layout(r32ui) uniform uimageBuffer ib;\n"
      "uniform sampler2D many[5]; buffer O { float o; };\n"
      "void main() { o = textureLod(s2, vec2(0), 0).x + textureLod(s1, vec2(0), 0).x\n"
      "+ textureLod(sc, vec4(0), 0).x + float(texelFetch(ms, ivec3(0), 0).x)\n"
      "+ textureLod(sh, vec3(0), 0) + float(textureLod(s3, vec3(0), 0).x)\n"
      "+ textureLod(samplerCube(tc, smp), vec3(0), 0).x + texelFetch(sb, 0).x\n"
      "+ imageLoad(im, ivec2(0)).x + float(imageLoad(ib, 0).x)\n"
      "+ textureLod(many[2], vec2(0), 0).x; }\n"));
  static const struct {
    const char *name;
    VkDescriptorType type;
    VkImageViewType view;
    rg_scalar scalar;
    uint32_t count;
    bool is_shadow, is_multisampled, is_readonly;
  } expected[] = {
      {"s2", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_2D, RG_SCALAR_FLOAT, 1,
       false, false, false},
      {"s1", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_1D_ARRAY,
       RG_SCALAR_FLOAT, 1, false, false, false},
      {"sc", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_CUBE_ARRAY,
       RG_SCALAR_FLOAT, 1, false, false, false},
      {"ms", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_2D_ARRAY, RG_SCALAR_INT,
       1, false, true, false},
      {"sh", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_2D, RG_SCALAR_FLOAT, 1,
       true, false, false},
      {"s3", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_3D, RG_SCALAR_UINT, 1,
       false, false, false},
      {"tc", VK_DESCRIPTOR_TYPE_SAMPLED_IMAGE, VK_IMAGE_VIEW_TYPE_CUBE, RG_SCALAR_FLOAT, 1, false,
       false, false},
      {"smp", VK_DESCRIPTOR_TYPE_SAMPLER, VK_IMAGE_VIEW_TYPE_MAX_ENUM, RG_SCALAR_NONE, 1, false,
       false, false},
      {"sb", VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, VK_IMAGE_VIEW_TYPE_MAX_ENUM, RG_SCALAR_FLOAT,
       1, false, false, false},
      {"im", VK_DESCRIPTOR_TYPE_STORAGE_IMAGE, VK_IMAGE_VIEW_TYPE_2D, RG_SCALAR_FLOAT, 1, false,
       false, true},
      {"ib", VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, VK_IMAGE_VIEW_TYPE_MAX_ENUM, RG_SCALAR_UINT,
       1, false, false, false},
      {"many", VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, VK_IMAGE_VIEW_TYPE_2D, RG_SCALAR_FLOAT, 5,
       false, false, false},
  };
  for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
    const rg_binding *found = shaders_binding(f, expected[i].name);
    assert_int_equal(found->type, expected[i].type);
    assert_int_equal(found->view_type, expected[i].view);
    assert_int_equal(found->scalar, expected[i].scalar);
    assert_int_equal(found->count, expected[i].count);
    assert_int_equal(found->is_shadow, expected[i].is_shadow);
    assert_int_equal(found->is_multisampled, expected[i].is_multisampled);
    assert_int_equal(found->is_readonly, expected[i].is_readonly);
    assert_null(found->block);
  }
}

static void an_input_attachment_is_one(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_text(
      f, VK_SHADER_STAGE_FRAGMENT_BIT,
      "layout(input_attachment_index = 0) uniform subpassInput before; out vec4 c;\n"
      "void main() { c = subpassLoad(before); }\n"));
  assert_int_equal(shaders_binding(f, "before")->type, VK_DESCRIPTOR_TYPE_INPUT_ATTACHMENT);
}

static void unsized_arrays_of_textures_count_zero(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "#extension GL_EXT_nonuniform_qualifier : require\n"
      "uniform sampler2D maps[]; buffer O { uint i; float o; };\n"
      "void main() { o = textureLod(maps[nonuniformEXT(i)], vec2(0), 0).x; }\n"));
  assert_int_equal(shaders_binding(f, "maps")->count, 0);
}

static void activity_is_that_of_all_stages_together(void **state) {
  shaders_fixture *f = *state;
  const char *block = "struct S { float x; }; uniform U { vec4 a; vec4 b; vec4 c; S s; } u;\n";
  char vertex[256], fragment[256];
  snprintf(vertex, sizeof vertex, "%svoid main() { gl_Position = u.a; }\n", block);
  snprintf(fragment, sizeof fragment, "%sout vec4 o; void main() { o = u.c; }\n", block);
  assert_built(shaders_build_pair(f, vertex, fragment));
  assert_true(member(f, "U", "a")->is_active);
  assert_false(member(f, "U", "b")->is_active);
  assert_true(member(f, "U", "c")->is_active);
  assert_false(member(f, "U", "s")->is_active);
  assert_false(member(f, "U", "s")->members[0].is_active);
  assert_string_equal(shaders_binding(f, "U")->block->instance_name, "u");
  assert_string_equal(shaders_binding(f, "U")->block->name, "U");
}

static void arrays_of_blocks_are_one_binding(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(f,
                                     "buffer B { uint n; float o[]; } all[4];\n"
                                     "void main() { all[2].o[1] = 1; }\n"));
  assert_int_equal(shaders_binding(f, "B")->count, 4);
  assert_true(member(f, "B", "o")->is_active);
}

static void push_constants_of_two_stages_are_one_block(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(f,
                                  "layout(push_constant) uniform Both { mat4 view; vec4 tint; };\n"
                                  "void main() { gl_Position = view[0]; }\n",
                                  "layout(push_constant) uniform Both { mat4 view; vec4 tint; };\n"
                                  "out vec4 c; void main() { c = tint; }\n"));
  const rg_block *push = f->code.reflection.push_constants;
  assert_non_null(push);
  assert_int_equal(push->size, 80);
  assert_int_equal(push->member_count, 2);
  assert_true(push->members[0].is_active && push->members[1].is_active);
  assert_int_equal(f->code.reflection.push_constant_stages,
                   VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
}

static void parts_of_the_push_constants_unite(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(
      f,
      "layout(push_constant) uniform Vertex { mat4 view; };\n"
      "void main() { gl_Position = view[0]; }\n",
      "layout(push_constant) uniform Fragment { layout(offset = 64) vec4 tint; };\n"
      "out vec4 c; void main() { c = tint; }\n"));
  const rg_block *push = f->code.reflection.push_constants;
  assert_int_equal(push->size, 80);
  assert_int_equal(push->member_count, 2);
  assert_string_equal(push->members[1].name, "tint");
  assert_int_equal(push->members[1].offset, 64);
}

static void vertex_inputs_have_formats_and_matrices_are_several(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(
      f,
      "in vec3 position; in uvec4 joints; in int id; in mat2x3 m; in vec2 uv[2];\n"
      "out vec3 n; void main() { n = m[1]; gl_Position = vec4(position + m[0],\n"
      "float(id) + uv[1].x + float(joints.x) + float(gl_VertexIndex)); }\n",
      "in vec3 n; out vec4 c; void main() { c = vec4(n, 1); }\n"));
  static const rg_vertex_input expected[] = {{"position", 0, VK_FORMAT_R32G32B32_SFLOAT},
                                             {"joints", 1, VK_FORMAT_R32G32B32A32_UINT},
                                             {"id", 2, VK_FORMAT_R32_SINT},
                                             {"m[0]", 3, VK_FORMAT_R32G32B32_SFLOAT},
                                             {"m[1]", 4, VK_FORMAT_R32G32B32_SFLOAT},
                                             {"uv[0]", 5, VK_FORMAT_R32G32_SFLOAT},
                                             {"uv[1]", 6, VK_FORMAT_R32G32_SFLOAT}};
  assert_int_equal(f->code.reflection.vertex_input_count, 7);
  for (uint32_t i = 0; i < 7; i++) {
    const rg_vertex_input *input = &f->code.reflection.vertex_inputs[i];
    assert_string_equal(input->name, expected[i].name);
    assert_int_equal(input->location, expected[i].location);
    assert_int_equal(input->format, expected[i].format);
  }
}

static void fragment_outputs_have_formats_and_arrays_are_several(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_text(f, VK_SHADER_STAGE_FRAGMENT_BIT,
                                  "layout(location = 3) out uvec2 ids;\n"
                                  "layout(location = 1) out vec4 colors[2];\n"
                                  "layout(location = 0, index = 1) out vec4 second;\n"
                                  "layout(location = 0, index = 0) out vec4 first;\n"
                                  "void main() { ids = uvec2(1); colors[0] = colors[1] = first =\n"
                                  "second = vec4(0); gl_FragDepth = 0; }\n"));
  static const rg_fragment_output expected[] = {{"first", 0, 0, VK_FORMAT_R32G32B32A32_SFLOAT},
                                                {"second", 0, 1, VK_FORMAT_R32G32B32A32_SFLOAT},
                                                {"colors[0]", 1, 0, VK_FORMAT_R32G32B32A32_SFLOAT},
                                                {"colors[1]", 2, 0, VK_FORMAT_R32G32B32A32_SFLOAT},
                                                {"ids", 3, 0, VK_FORMAT_R32G32_UINT}};
  assert_int_equal(f->code.reflection.fragment_output_count, 5);
  for (uint32_t i = 0; i < 5; i++) {
    const rg_fragment_output *output = &f->code.reflection.fragment_outputs[i];
    assert_string_equal(output->name, expected[i].name);
    assert_int_equal(output->location, expected[i].location);
    assert_int_equal(output->index, expected[i].index);
    assert_int_equal(output->format, expected[i].format);
  }
}

static void constants_have_their_defaults(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_compute(
      f,
      "#extension GL_EXT_shader_explicit_arithmetic_types : require\n"
      "layout(constant_id = 9) const float F = -1.5; layout(constant_id = 1) const bool B = true;\n"
      "layout(constant_id = 3) const int I = -7; layout(constant_id = 4) const uint U = "
      "4000000000u;\n"
      "layout(constant_id = 5) const double D = 0.1; layout(constant_id = 6) const int64_t L = "
      "-9l;\n"
      "layout(constant_id = 2) const bool C = false; buffer O { float o; };\n"
      "void main() { if (B && !C) o = F + float(I) + float(U) + float(D) + float(L); }\n"));
  static const rg_constant expected[] = {
      {"B", 1, RG_SCALAR_BOOL, 1},     {"C", 2, RG_SCALAR_BOOL, 0},
      {"I", 3, RG_SCALAR_INT, -7},     {"U", 4, RG_SCALAR_UINT, 4000000000.0},
      {"D", 5, RG_SCALAR_DOUBLE, 0.1}, {"L", 6, RG_SCALAR_INT64, -9},
      {"F", 9, RG_SCALAR_FLOAT, -1.5}};
  assert_int_equal(f->code.reflection.constant_count, 7);
  for (uint32_t i = 0; i < 7; i++) {
    const rg_constant *constant = &f->code.reflection.constants[i];
    assert_string_equal(constant->name, expected[i].name);
    assert_int_equal(constant->id, expected[i].id);
    assert_int_equal(constant->scalar, expected[i].scalar);
    assert_true(constant->value == expected[i].value);
  }
}

static void workgroup_sizes_are_read_in_either_version(void **state) {
  shaders_fixture *f = *state;
  const char *text =
      "layout(local_size_x_id = 4, local_size_y = 3) in;\n"
      "layout(constant_id = 4) const uint X = 8; buffer O { uint o; };\n"
      "void main() { o = X + gl_WorkGroupSize.x; }\n";
  for (int i = 0; i < 2; i++) {
    f->context.api_version = i == 0 ? VK_API_VERSION_1_2 : VK_API_VERSION_1_3;
    assert_built(shaders_build_compute(f,
                                       "layout(local_size_x = 8, local_size_z = 2) in;\n"
                                       "void main() {}\n"));
    assert_int_equal(f->code.reflection.workgroup_size[0], 8);
    assert_int_equal(f->code.reflection.workgroup_size[1], 1);
    assert_int_equal(f->code.reflection.workgroup_size[2], 2);
    assert_int_equal(f->code.stages[0].words[1], i == 0 ? 0x00010500 : 0x00010600);
    assert_built(shaders_build_compute(f, text));
    assert_int_equal(f->code.reflection.workgroup_size[1], 3);
    assert_int_equal(f->code.reflection.constant_count, 1);
    assert_string_equal(f->code.reflection.constants[0].name, "X");
  }
  assert_int_equal(f->code.stages[0].words[1], 0x00010500);
}

static void other_stages_have_no_workgroups(void **state) {
  shaders_fixture *f = *state;
  assert_built(shaders_build_pair(f, "void main() {}", "void main() {}"));
  assert_int_equal(f->code.reflection.workgroup_size[0], 0);
  assert_int_equal(f->code.reflection.binding_count, 0);
  assert_null(f->code.reflection.push_constants);
  assert_int_equal(f->code.reflection.stages,
                   VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, shaders_setup, shaders_teardown)
  const struct CMUnitTest tests[] = {
      TEST(the_three_layouts_are_told_apart),
      TEST(structs_nest_and_matrices_may_lie_in_rows),
      TEST(runtime_arrays_have_no_count_and_no_size),
      TEST(booleans_are_known_as_such),
      TEST(small_and_large_numbers_have_their_names),
      TEST(a_list_of_nodes_by_reference_ends),
      TEST(images_and_samplers_have_their_kinds),
      TEST(an_input_attachment_is_one),
      TEST(unsized_arrays_of_textures_count_zero),
      TEST(activity_is_that_of_all_stages_together),
      TEST(arrays_of_blocks_are_one_binding),
      TEST(push_constants_of_two_stages_are_one_block),
      TEST(parts_of_the_push_constants_unite),
      TEST(vertex_inputs_have_formats_and_matrices_are_several),
      TEST(fragment_outputs_have_formats_and_arrays_are_several),
      TEST(constants_have_their_defaults),
      TEST(workgroup_sizes_are_read_in_either_version),
      TEST(other_stages_have_no_workgroups),
  };
  return cmocka_run_group_tests_name("shader_reflect", tests, NULL, NULL);
}
