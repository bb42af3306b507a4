/* Materials that several tests make, and short ways to write their parameters. */
#ifndef RG_TESTS_GPU_MATERIAL_H
#define RG_TESTS_GPU_MATERIAL_H

#include "gpu_test.h"

/* A fragment stage whose block has members of every layout; draws albedo, and in alpha the sum of
 * the other members over 255. */
extern const char gpu_color_source[];
/* A fragment stage with textures: draws tint × albedo_map × all of maps[3]; alpha is normal_map's
 * red. */
extern const char gpu_map_source[];

rg_parameter gpu_number(const char *name, double value);
rg_parameter gpu_vec3(const char *name, double x, double y, double z);
rg_parameter gpu_texture(const char *name, rg_texture value);

rg_material gpu_material(gpu_test *test, const char *name, rg_shader shader, rg_material parent,
                         const rg_parameter *parameters, uint32_t count);
/* A texture of 1 × 1, 0xAABBGGRR, labelled "pixel". */
rg_texture gpu_pixel(gpu_test *test, uint32_t color);
/* The material, its shader and, where it is not null, the texture. */
void gpu_material_destroy(gpu_test *test, rg_material material, rg_shader shader,
                          rg_texture texture);
/* A float parameter's value and origin (may be NULL). */
double gpu_read_number(gpu_test *test, rg_material from, const char *name, rg_material *origin);

#endif
