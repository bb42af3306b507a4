# Sourced by the other scripts: chooses the Vulkan driver by name. lavapipe is Mesa's; SwiftShader, the mock driver and a
# newer validation layer ship inside Debian's chromium.

chromium_libraries=/usr/lib/chromium

# has_driver NAME: whether it is installed.
has_driver() {
  case "$1" in
    lavapipe) ls /usr/share/vulkan/icd.d/lvp_icd.*.json > /dev/null 2>&1 ;;
    swiftshader) [ -e "$chromium_libraries/vk_swiftshader_icd.json" ] ;;
    mock) [ -e "$chromium_libraries/libVkICD_mock_icd.so" ] ;;
    *) return 1 ;;
  esac
}

# use_driver NAME FOLDER: exports what makes the loader use it alone. FOLDER: for manifests, where one must be written.
use_driver() {
  local manifest
  case "$1" in
    lavapipe) manifest=$(ls /usr/share/vulkan/icd.d/lvp_icd.*.json) ;;
    swiftshader) manifest=$chromium_libraries/vk_swiftshader_icd.json ;;
    mock)
      manifest=$2/mock_icd.json
      printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
        "$chromium_libraries/libVkICD_mock_icd.so" > "$manifest"
      ;;
    *) echo "drivers: no driver '$1'" >&2; return 1 ;;
  esac
  export VK_ICD_FILENAMES=$manifest VK_DRIVER_FILES=$manifest
}

# use_newer_layer FOLDER: exports what makes the loader take chromium's validation layer.
use_newer_layer() {
  mkdir -p "$1/layers"
  printf '%s\n' '{"file_format_version": "1.1.0", "layer": {"name": "VK_LAYER_KHRONOS_validation",' \
    "\"type\": \"GLOBAL\", \"library_path\": \"$chromium_libraries/libVkLayer_khronos_validation.so\"," \
    '"api_version": "1.3.0", "implementation_version": "1", "description": "validation",' \
    '"instance_extensions": [{"name": "VK_EXT_debug_utils", "spec_version": "2"},' \
    '{"name": "VK_EXT_validation_features", "spec_version": "6"}]}}' > "$1/layers/validation.json"
  export VK_LAYER_PATH=$1/layers
}
