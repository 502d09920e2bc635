#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# mk/shaders.sh, as a user has it: each stage in both languages becomes C that a program has, its
# slots the bindings of protocol/pvgpu_draw.h; and what is wrong is said.

set -u

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

if ! command -v "${CC:-cc}" > /dev/null || ! command -v glslangValidator > /dev/null ||
    [ ! -e mk/shaders.sh ]; then
    echo "1..0 # SKIP no compilers, or no sources, here"
    exit 0
fi

# result STATUS WHAT
result() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/out"
        failed=1
    fi
}

shaders() {
    mk/shaders.sh "$@" > "$work/out" 2>&1
}

# ---- Every stage, embedded ----

write_sources() {
    cat > "$work/my scene.vert" << 'END'
#version 450
void main() { gl_Position = vec4(0); }
END
    printf '#version 450\nvoid main() {}\n' > "$work/a.frag"
    cat > "$work/a.geom" << 'END'
#version 450
layout(points) in;
layout(points, max_vertices = 1) out;
void main() { EmitVertex(); }
END
    cat > "$work/a.tesc" << 'END'
#version 450
layout(vertices = 3) out;
void main() { gl_TessLevelOuter[0] = 1; }
END
    cat > "$work/a.tese" << 'END'
#version 450
layout(triangles) in;
void main() { gl_Position = vec4(0); }
END
    echo '[numthreads(1, 1, 1)] void main() {}' > "$work/a.comp.hlsl"
}

embed_all() {
    write_sources
    for source in "my scene.vert" a.frag a.geom a.tesc a.tese a.comp.hlsl; do
        shaders "$work/$source" "$work/$source.c" || return 1
    done
    cat > "$work/program.c" << 'END'
#include <stdio.h>
#include "baregpu/pvgpu_draw.h"
#define SHADERS(X) X(my_scene_vert) X(a_frag) X(a_geom) X(a_tesc) X(a_tese) X(a_comp)
#define DECLARE(name) extern const struct bg_pvgpu_shader_code bg_shader_##name;
SHADERS(DECLARE)
#define PRINT(name) printf("%u %x %u ", bg_shader_##name.stage, bg_shader_##name.words[0], \
                           bg_shader_##name.size % 4);
int main(void) { SHADERS(PRINT) return 0; }
END
    "${CC:-cc}" -std=gnu11 -Wall -Wextra -Werror -Ifirmware/include -I. "$work"/*.c \
        -o "$work/program" > "$work/out" 2>&1 && "$work/program" > "$work/out" &&
        [ "$(cat "$work/out")" = "0 7230203 0 1 7230203 0 2 7230203 0 3 7230203 0 4 7230203 0 5 7230203 0 " ]
}

embed_all
result $? "each stage is C with its number and its code"

# ---- Slots ----

# decorated WHAT NUMBER...: the module has these, in any order.
decorated() {
    what=$1
    shift
    for number; do
        echo "$number"
    done | sort -n > "$work/expected"
    spirv-dis "$work/slots.spv" | sed -n "s/.* $what \\([0-9]*\\)\$/\\1/p" | sort -n | uniq > "$work/got"
    cmp -s "$work/expected" "$work/got" || {
        cat "$work/got" > "$work/out"
        return 1
    }
}

slots_of_glsl() {
    cat > "$work/slots.frag" << 'END'
#version 450
layout(binding = 3) uniform A { vec4 a; };
layout(binding = 1) uniform texture2D b;
layout(binding = 2) uniform sampler c;
layout(binding = 4) uniform textureBuffer d;
layout(binding = 5) buffer E { vec4 e; };
layout(binding = 6, rgba8) uniform image2D f;
layout(location = 0) out vec4 color;
void main() { color = a + texture(sampler2D(b, c), a.xy) + texelFetch(d, 0) + e + imageLoad(f, ivec2(0)); }
END
    shaders "$work/slots.frag" "$work/slots.spv" && decorated DescriptorSet 1 &&
        decorated Binding 3 17 146 20 165 166
}

slots_of_hlsl() {
    cat > "$work/slots.comp.hlsl" << 'END'
cbuffer A : register(b3) { float4 a; };
Texture2D b : register(t1);
SamplerState c : register(s2);
Buffer<float4> d : register(t4);
StructuredBuffer<float4> r : register(t7);
RWStructuredBuffer<float4> e : register(u5);
RWTexture2D<float4> f : register(u6);
[numthreads(1, 1, 1)] void main() { e[0] = a + b.SampleLevel(c, a.xy, 0) + d[0] + r[0]; f[uint2(0, 0)] = a; }
END
    shaders "$work/slots.comp.hlsl" "$work/slots.spv" && decorated DescriptorSet 5 &&
        decorated Binding 3 17 146 20 23 165 166
}

if command -v spirv-dis > /dev/null; then
    slots_of_glsl
    result $? "bindings of GLSL are slots"
    slots_of_hlsl
    result $? "registers of HLSL are slots"
fi

# ---- What it is made from ----

dependencies() {
    mkdir "$work/parts"
    echo 'void main() {}' > "$work/parts/body.glsl"
    cat > "$work/b.frag" << 'END'
#version 450
#extension GL_GOOGLE_include_directive : require
#include "body.glsl"
END
    shaders "$work/b.frag" "$work/b.c" "-I$work/parts" &&
        grep -q "^$work/b.c:.*b.frag.*body.glsl" "$work/b.c.d"
}

dependencies
result $? "make is told what a shader includes"

# ---- What is wrong ----

# refused WORDS ARGUMENT...: fails, says that, leaves nothing.
refused() {
    words=$1
    shift
    rm -f "$work/bad.c"
    ! shaders "$@" && grep -q "$words" "$work/out" && [ ! -e "$work/bad.c" ]
}

echo 'void main() { missing = 1; }' > "$work/bad.frag"
refused "bad.frag:1.*missing" "$work/bad.frag" "$work/bad.c"
result $? "an error in a shader, with its line"
echo > "$work/bad.glsl"
refused "its name ends in .vert" "$work/bad.glsl" "$work/bad.c"
result $? "a file that is of no stage"
refused "cannot be read" "$work/none.vert" "$work/bad.c"
result $? "a file that is not there"
GLSLANG=no-such-compiler refused "apt-get install glslang-tools" "$work/a.frag" "$work/bad.c"
result $? "no compiler"

echo "1..$count"
exit "$failed"
