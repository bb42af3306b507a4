/* What handle look-ups are measured against; see obvious_map.cpp. */
#ifndef RG_BENCH_OBVIOUS_MAP_H
#define RG_BENCH_OBVIOUS_MAP_H

#include <regolith/regolith.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct obvious_map obvious_map;

obvious_map *obvious_map_create(void); /* NULL when out of memory */
void obvious_map_destroy(obvious_map *map);
void obvious_map_add(obvious_map *map, uint64_t id, const rg_buffer_vk *vk);
/* False where the id is none. Any thread. */
bool obvious_map_get(obvious_map *map, uint64_t id, rg_buffer_vk *out);

#ifdef __cplusplus
}
#endif

#endif
