/* Room for the materials' blocks: many share one VkBuffer, with a shadow in host memory and one
 * dirty range, so that a flush is one write a page. */
#include <string.h>

#include "resources.h"

#define PAGE_SIZE (256u << 10)

static void page_destroy(resources *resources, material_page *page) {
  host_memory *memory = &resources->gpu.host;
  if (page->buffer.id != 0) {
    resource_disown(&resources->gpu, page->buffer.id);
  }
  range_destroy(page->ranges);
  host_free(memory, page->shadow, (size_t)page->size);
  host_free(memory, page, sizeof *page);
}

/* The engine is its owner and no creator is left, so that no report takes it for a leak. */
static rg_result page_make_buffer(resources *resources, material_page *page) {
  gpu *gpu = &resources->gpu;
  const rg_buffer_desc desc = {.size = page->size,
                               .type = RG_BUFFER_UNIFORM,
                               .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
                               .own_vk_buffer = true,
                               .label = "material blocks"};
  rg_buffer buffer = {0};
  rg_result result = rg_buffer_create(engine_of(resources), &desc, &buffer);
  if (result != RG_OK) {
    return result;
  }
  result = resource_own(gpu, RG_TYPE_BUFFER, buffer.id);
  page->buffer.id = result == RG_OK ? buffer.id : 0;
  rg_result released = resource_destroy(gpu, RG_TYPE_BUFFER, buffer.id);
  return result != RG_OK ? result : released;
}

static rg_result page_create(resources *resources, uint64_t size, material_page **out) {
  rg_result result = RG_OK;
  host_memory *memory = &resources->gpu.host;
  material_page *page = host_calloc(memory, 1, sizeof *page);
  if (page == NULL) {
    return result_no_memory("a page of material blocks", sizeof *page);
  }
  page->size = size > PAGE_SIZE ? size : PAGE_SIZE;
  page->shadow = host_calloc(memory, 1, (size_t)page->size);
  page->ranges = page->shadow != NULL ? range_create(memory, page->size) : NULL;
  if (page->ranges == NULL) {
    result = result_no_memory("a page of material blocks", page->size);
    goto fail;
  }
  RG_TRY(page_make_buffer(resources, page));
  *out = page;
  return RG_OK;
fail:
  page_destroy(resources, page);
  return result;
}

static void pages_add(materials *materials, material_page *page) {
  page->next = materials->pages;
  materials->pages = page;
}

/* Room in one page, for either kind of block. RG_ERROR_OUT_OF_DEVICE_MEMORY without a message: the
 * page is full. */
static rg_result page_take(resources *resources, material_page *page, uint64_t size,
                           material *material) {
  const rg_limits *limits = &resources->gpu.device.limits;
  const uint64_t alignment = limits->uniform_alignment > limits->storage_alignment
                                 ? limits->uniform_alignment
                                 : limits->storage_alignment;
  uint64_t offset = 0;
  mutex_lock(&resources->materials.page_lock);
  rg_result result = range_alloc(page->ranges, size, alignment, &material->page_range, &offset);
  mutex_unlock(&resources->materials.page_lock);
  if (result == RG_OK) {
    material->page = page;
    material->values = page->shadow + offset;
    memset(material->values, 0, (size_t)size);
  }
  return result;
}

static rg_result check_block_size(const resources *resources, const shader *shader) {
  const rg_limits *limits = &resources->gpu.device.limits;
  const uint64_t maximum = shader->block->type == VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER
                               ? limits->max_uniform_range
                               : limits->max_storage_range;
  const uint64_t size = shader->block->block->size;
  return size <= maximum ? RG_OK
                         : result_set(RG_ERROR_LIMIT,
                                      "shader '%s': the Material block's %llu bytes exceed the "
                                      "device's %llu",
                                      shader->code.label, (unsigned long long)size,
                                      (unsigned long long)maximum);
}

rg_result pages_alloc(resources *resources, const shader *shader, material *material) {
  rg_result result = check_block_size(resources, shader);
  if (result != RG_OK) {
    return result;
  }
  const uint64_t size = shader->block->block->size;
  result = RG_ERROR_OUT_OF_DEVICE_MEMORY;
  for (material_page *page = resources->materials.pages;
       page != NULL && result == RG_ERROR_OUT_OF_DEVICE_MEMORY; page = page->next) {
    result = page_take(resources, page, size, material);
  }
  if (result == RG_ERROR_OUT_OF_DEVICE_MEMORY) {
    material_page *page = NULL;
    result = page_create(resources, size, &page);
    if (result != RG_OK) {
      return result;
    }
    pages_add(&resources->materials, page);
    result = page_take(resources, page, size, material);
  }
  if (result == RG_OK) {
    pages_mark(material, shader->block);
  }
  return result;
}

void pages_free(resources *resources, material *material) {
  if (material->page != NULL) {
    mutex_lock(&resources->materials.page_lock);
    range_free(material->page->ranges, material->page_range);
    mutex_unlock(&resources->materials.page_lock);
    material->page = NULL;
    material->values = NULL;
  }
}

void pages_mark(material *material, const rg_binding *block) {
  material_page *page = material->page;
  const uint64_t begin = (uint64_t)(material->values - page->shadow);
  const uint64_t end = begin + block->block->size;
  const bool was_clean = page->dirty_begin == page->dirty_end;
  page->dirty_begin = was_clean || begin < page->dirty_begin ? begin : page->dirty_begin;
  page->dirty_end = was_clean || end > page->dirty_end ? end : page->dirty_end;
}

/* Gives back all empty pages but one. */
static void pages_trim(resources *resources) {
  materials *materials = &resources->materials;
  uint32_t empty_count = 0;
  material_page **link = &materials->pages;
  while (*link != NULL) {
    material_page *page = *link;
    range_stats stats;
    mutex_lock(&materials->page_lock);
    range_get_stats(page->ranges, &stats);
    mutex_unlock(&materials->page_lock);
    if (stats.count == 0 && ++empty_count > 1) {
      *link = page->next;
      page_destroy(resources, page);
    } else {
      link = &page->next;
    }
  }
}

static rg_result page_flush(resources *resources, material_page *page) {
  gpu *gpu = &resources->gpu;
  if (page->dirty_begin == page->dirty_end) {
    return RG_OK;
  }
  const buffer *buffer = slots_peek(&gpu->buffers.slots, page->buffer.id);
  const upload_place place = buffer_place(buffer, page->dirty_begin);
  rg_result result = upload_write(gpu, &place, page->shadow + page->dirty_begin,
                                  page->dirty_end - page->dirty_begin, false);
  if (result == RG_OK) {
    page->dirty_begin = page->dirty_end = 0;
  }
  return result;
}

rg_result materials_flush(resources *resources) {
  rg_result result = RG_OK;
  mutex_lock(&resources->materials.lock);
  pages_trim(resources);
  for (material_page *page = resources->materials.pages; page != NULL && result == RG_OK;
       page = page->next) {
    result = page_flush(resources, page);
  }
  mutex_unlock(&resources->materials.lock);
  return result;
}

void pages_disown(resources *resources) {
  for (material_page *page = resources->materials.pages; page != NULL; page = page->next) {
    resource_disown(&resources->gpu, page->buffer.id);
    page->buffer.id = 0;
  }
}

void pages_finish(resources *resources) {
  while (resources->materials.pages != NULL) {
    material_page *page = resources->materials.pages;
    resources->materials.pages = page->next;
    page_destroy(resources, page);
  }
}
