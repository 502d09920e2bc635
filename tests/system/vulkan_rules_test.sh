#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Vulkan's own rules, which drivers do not check: the tests of drawing on Vulkan under the layer that
# does, with the order of accesses, too.

set -u

build=${BAREGPU_BUILD:-build}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
count=0
failed=0

export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
export VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
export ASAN_OPTIONS=intercept_tls_get_addr=0:detect_leaks=0 # the layer's are not ours

if ! ls /usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json > /dev/null 2>&1; then
    echo "1..0 # SKIP vulkan-validationlayers is not installed"
    exit 0
fi
for name in pvgpu_draw pvgpu_draw_formats pvgpu_clear pvgpu_dxbc pvgpu_dxbc_stages pvgpu_vulkan_commands \
    pvgpu_vulkan_targets; do
    count=$((count + 1))
    status=0
    "$build/tests/unit/mediator/${name}_test" > "$log" 2>&1 || status=$?
    if [ "$status" -eq 0 ] && ! grep -Eq 'VUID-|UNASSIGNED-|SYNC-HAZARD' "$log"; then
        echo "ok $count - ${name}_test keeps to Vulkan's rules"
    else
        echo "not ok $count - ${name}_test keeps to Vulkan's rules"
        grep -E 'VUID-|UNASSIGNED-|SYNC-HAZARD|not ok' "$log" | cut -c1-800 | head -n 5 | sed 's/^/# /'
        failed=1
    fi
done
echo "1..$count"
exit "$failed"
