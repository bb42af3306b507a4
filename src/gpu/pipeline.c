/* The pipelines there are, by all that makes them what they are, and by the shader they die with.
 */
#include "pipeline.h"

#include "pipeline_internal.h"

typedef struct pipeline_record {
  frame_zombie zombie;
  VkPipeline handle;
  struct pipeline_record *next; /* of the same shader */
  pipeline_key key;
} pipeline_record;

static void record_free(gpu *gpu, frame_zombie *zombie) {
  pipeline_record *record = (pipeline_record *)(void *)zombie;
  gpu->vk.DestroyPipeline(gpu->device.handle, record->handle, NULL);
  host_free(&gpu->host, record, sizeof *record);
}

/* ---- Look-up and creation ------------------------------------------------------------------ */

/* NULL with *result and the message set. */
static pipeline_record *record_create(gpu *gpu, const pipeline_request *request,
                                      const pipeline_key *key, rg_result *result) {
  pipeline_record *record = host_calloc(&gpu->host, 1, sizeof *record);
  if (record == NULL) {
    *result = result_no_memory(pipeline_title(request).text, sizeof *record);
    return NULL;
  }
  record->key = *key;
  *result = pipeline_make(gpu, request, key, &record->handle);
  if (*result != RG_OK) {
    host_free(&gpu->host, record, sizeof *record);
    return NULL;
  }
  return record;
}

/* Under the lock. */
static rg_result record_enter(pipelines *self, pipeline_record *record) {
  const uint64_t *shader_id = &record->key.shader_id;
  rg_result result = hash_map_set(&self->by_key, &record->key, sizeof record->key, record);
  if (result != RG_OK) {
    return result;
  }
  record->next = hash_map_get(&self->by_shader, shader_id, sizeof *shader_id);
  result = hash_map_set(&self->by_shader, shader_id, sizeof *shader_id, record);
  if (result != RG_OK) {
    hash_map_remove(&self->by_key, &record->key, sizeof record->key);
  }
  return result;
}

/* Compiled without the lock, so that others need not wait; of two threads the first one counts. */
static rg_result pipeline_add(gpu *gpu, const pipeline_request *request, const pipeline_key *key,
                              VkPipeline *out) {
  pipelines *self = &gpu->pipelines;
  rg_result result = RG_OK;
  pipeline_record *made = record_create(gpu, request, key, &result);
  if (made == NULL) {
    return result;
  }
  mutex_lock(&self->lock);
  const pipeline_record *known = hash_map_get(&self->by_key, key, sizeof *key);
  if (known == NULL) {
    result = record_enter(self, made);
    known = result == RG_OK ? made : NULL;
  }
  *out = known == NULL ? VK_NULL_HANDLE : known->handle;
  mutex_unlock(&self->lock);
  if (known != made) {
    record_free(gpu, &made->zombie);
  }
  return result;
}

rg_result pipeline_get(gpu *gpu, const pipeline_request *request, VkPipeline *out) {
  pipelines *self = &gpu->pipelines;
  pipeline_key key;
  rg_result result = RG_OK;
  *out = VK_NULL_HANDLE;
  RG_TRY(pipeline_resolve(gpu, request, &key));
  mutex_lock(&self->lock);
  const pipeline_record *known = hash_map_get(&self->by_key, &key, sizeof key);
  *out = known == NULL ? VK_NULL_HANDLE : known->handle;
  mutex_unlock(&self->lock);
  if (*out == VK_NULL_HANDLE) {
    RG_TRY(pipeline_check_device(gpu, request, &key));
    RG_TRY(pipeline_add(gpu, request, &key, out));
  }
fail:
  return result;
}

/* ---- Ends ---------------------------------------------------------------------------------- */

void pipelines_retire(gpu *gpu, uint64_t shader_id) {
  pipelines *self = &gpu->pipelines;
  mutex_lock(&self->lock);
  pipeline_record *first = hash_map_remove(&self->by_shader, &shader_id, sizeof shader_id);
  for (pipeline_record *record = first; record != NULL; record = record->next) {
    hash_map_remove(&self->by_key, &record->key, sizeof record->key);
  }
  mutex_unlock(&self->lock);
  while (first != NULL) {
    pipeline_record *record = first;
    first = record->next;
    frame_retire(gpu, &record->zombie, record_free);
  }
}

void pipelines_init(gpu *gpu) {
  mutex_init(&gpu->pipelines.lock);
  hash_map_init(&gpu->pipelines.by_key, &gpu->host);
  hash_map_init(&gpu->pipelines.by_shader, &gpu->host);
}

void pipelines_finish(gpu *gpu) {
  pipelines *self = &gpu->pipelines;
  if (self->by_key.memory == NULL) {
    return;
  }
  uint32_t cursor = 0;
  const hash_map_entry *entry = NULL;
  while ((entry = hash_map_next(&self->by_key, &cursor)) != NULL) {
    pipeline_record *record = entry->value;
    record_free(gpu, &record->zombie);
  }
  hash_map_finish(&self->by_key);
  hash_map_finish(&self->by_shader);
  mutex_finish(&self->lock);
}
