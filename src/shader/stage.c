/* The table of stages and its look-ups. */
#include "stage.h"

#include <glslang/Include/glslang_c_interface.h>
#include <spirv_cross/spirv.h>
#include <string.h>

static const stage_info stages[] = {
    {VK_SHADER_STAGE_VERTEX_BIT, "vertex", "vert", GLSLANG_STAGE_VERTEX, SpvExecutionModelVertex,
     SpvExecutionModelVertex, 3},
    {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, "tessellation control", "tesc",
     GLSLANG_STAGE_TESSCONTROL, SpvExecutionModelTessellationControl,
     SpvExecutionModelTessellationControl, 4},
    {VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, "tessellation evaluation", "tese",
     GLSLANG_STAGE_TESSEVALUATION, SpvExecutionModelTessellationEvaluation,
     SpvExecutionModelTessellationEvaluation, 5},
    {VK_SHADER_STAGE_GEOMETRY_BIT, "geometry", "geom", GLSLANG_STAGE_GEOMETRY,
     SpvExecutionModelGeometry, SpvExecutionModelGeometry, 6},
    {VK_SHADER_STAGE_FRAGMENT_BIT, "fragment", "frag", GLSLANG_STAGE_FRAGMENT,
     SpvExecutionModelFragment, SpvExecutionModelFragment, 7},
    {VK_SHADER_STAGE_COMPUTE_BIT, "compute", "comp", GLSLANG_STAGE_COMPUTE,
     SpvExecutionModelGLCompute, SpvExecutionModelGLCompute, 0},
    {VK_SHADER_STAGE_TASK_BIT_EXT, "task", "task", GLSLANG_STAGE_TASK, SpvExecutionModelTaskEXT,
     SpvExecutionModelTaskNV, 1},
    {VK_SHADER_STAGE_MESH_BIT_EXT, "mesh", "mesh", GLSLANG_STAGE_MESH, SpvExecutionModelMeshEXT,
     SpvExecutionModelMeshNV, 2},
    {VK_SHADER_STAGE_RAYGEN_BIT_KHR, "ray generation", "rgen", GLSLANG_STAGE_RAYGEN,
     SpvExecutionModelRayGenerationKHR, SpvExecutionModelRayGenerationKHR, 0},
    {VK_SHADER_STAGE_INTERSECTION_BIT_KHR, "intersection", "rint", GLSLANG_STAGE_INTERSECT,
     SpvExecutionModelIntersectionKHR, SpvExecutionModelIntersectionKHR, 0},
    {VK_SHADER_STAGE_ANY_HIT_BIT_KHR, "any hit", "rahit", GLSLANG_STAGE_ANYHIT,
     SpvExecutionModelAnyHitKHR, SpvExecutionModelAnyHitKHR, 0},
    {VK_SHADER_STAGE_CLOSEST_HIT_BIT_KHR, "closest hit", "rchit", GLSLANG_STAGE_CLOSESTHIT,
     SpvExecutionModelClosestHitKHR, SpvExecutionModelClosestHitKHR, 0},
    {VK_SHADER_STAGE_MISS_BIT_KHR, "miss", "rmiss", GLSLANG_STAGE_MISS, SpvExecutionModelMissKHR,
     SpvExecutionModelMissKHR, 0},
    {VK_SHADER_STAGE_CALLABLE_BIT_KHR, "callable", "rcall", GLSLANG_STAGE_CALLABLE,
     SpvExecutionModelCallableKHR, SpvExecutionModelCallableKHR, 0},
};

#define STAGE_COUNT (sizeof stages / sizeof stages[0])

const stage_info *stage_at(uint32_t index) {
  return index < STAGE_COUNT ? &stages[index] : NULL;
}

const stage_info *stage_find(VkShaderStageFlagBits stage) {
  for (size_t i = 0; i < STAGE_COUNT; i++) {
    if (stages[i].stage == stage) {
      return &stages[i];
    }
  }
  return NULL;
}

static const stage_info *stage_of_ending(const char *ending, size_t length) {
  for (size_t i = 0; i < STAGE_COUNT; i++) {
    if (strlen(stages[i].ending) == length && memcmp(stages[i].ending, ending, length) == 0) {
      return &stages[i];
    }
  }
  return NULL;
}

const stage_info *stage_of_file(const char *file) {
  const char *dot = strrchr(file, '.');
  if (dot == NULL) {
    return NULL;
  }
  const stage_info *info = stage_of_ending(dot + 1, strlen(dot + 1));
  if (info == NULL && (strcmp(dot, ".glsl") == 0 || strcmp(dot, ".spv") == 0)) {
    const char *start = dot;
    while (start > file && start[-1] != '.' && start[-1] != '/') {
      start--;
    }
    info = stage_of_ending(start, (size_t)(dot - start));
  }
  return info;
}
