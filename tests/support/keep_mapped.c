/* Preloaded by sanitizer runs: libraries are never unmapped, so that a leak inside a Vulkan driver
 * or layer is reported with its library's name and can be suppressed by it, and by nothing wider.
 */

int dlclose(void *handle);

int dlclose(void *handle) {
  (void)handle;
  return 0;
}
