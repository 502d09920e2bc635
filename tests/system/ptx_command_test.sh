#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# baregpu-ptx as a person and a script use it.

set -u

build=${BAREGPU_BUILD:-build}
tool=$build/host/baregpu-ptx
seed=tests/fuzz/corpus/ptx/kernel.ptx
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check STATUS WHAT: the last run's status.
check() {
    count=$((count + 1))
    if [ "$status" -eq "$1" ]; then
        echo "ok $count - $2"
    else
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/out" "$work/err"
        failed=1
    fi
}

# says FILE TEXT WHAT: the last run printed it.
says() {
    count=$((count + 1))
    if grep -qF -e "$2" "$work/$1"; then
        echo "ok $count - $3"
    else
        echo "not ok $count - $3"
        sed 's/^/# /' "$work/$1"
        failed=1
    fi
}

run() {
    status=0
    "$tool" "$@" > "$work/out" 2> "$work/err" || status=$?
}

echo 1..63
run "$seed"
check 0 "a file that is right"
says out "kernel add: " "its kernel is listed"
says out "    8  .u32 n" "with the place of each parameter"
run - < "$seed"
check 0 "from standard input"
printf '.version 8.0\n.target sm_90\n.entry k() { add.s32 1; }\n' > "$work/wrong.ptx"
run "$work/wrong.ptx" "$seed"
check 1 "a file that is wrong, and one that is right"
says err "$work/wrong.ptx:3:22: error: add.s32: a register should be here" "where and why"
says out "kernel add: " "the other one is listed"
run "$work/missing.ptx"
check 2 "a file that is not there"
says err "missing.ptx: No such file" "is named"
run
check 2 "no file at all"
printf '.version 8.0\n.target sm_90\n.shared .b8 s[4];\n.global .u32 g = s;\n' > "$work/module.ptx"
run "$work/module.ptx"
check 1 "a module that cannot be loaded"
says err "$work/module.ptx:4:14: error: g holds the address of s" "is refused at the place"
printf '.version 8.0\n.target sm_90\n.entry k() {\n.reg .b16 h; fma.rn.oob.f16 h, h, h, h; }\n' \
    > "$work/kernel.ptx"
run "$work/kernel.ptx"
check 1 "a kernel that cannot be compiled"
says err "$work/kernel.ptx:4:14: error: fma: .oob, " "too"
[ "$(wc -l < "$work/err")" -eq 1 ] && [ ! -s "$work/out" ] || status=9
check 1 "once, and it is not listed"
run -q "$seed"
[ ! -s "$work/out" ] || status=9
check 0 "-q is silent"

# ---- Running ----

printf '.version 8.0\n.target sm_90\n.address_size 64\n' > "$work/run.ptx"
cat >> "$work/run.ptx" << 'END'
.entry scale(.param .u64 p, .param .f32 by, .param .u32 n)
{
    .reg .b32 %r<5>; .reg .b64 %rd<3>; .reg .f32 %f<4>; .reg .pred %p1;
    mov.u32 %r1, %ctaid.x; mov.u32 %r2, %ntid.x; mov.u32 %r3, %tid.x; mad.lo.u32 %r1, %r1, %r2, %r3;
    ld.param.u32 %r4, [n]; setp.ge.u32 %p1, %r1, %r4; @%p1 ret;
    ld.param.u64 %rd1, [p]; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;
    ld.param.f32 %f1, [by]; ld.global.f32 %f2, [%rd1]; mul.f32 %f3, %f1, %f2; st.global.f32 [%rd1], %f3;
    ret;
}
END
# 1.0, 2.0 and 3.0
printf '\000\000\200\077\000\000\000\100\000\000\100\100' > "$work/in"
printf '\000\000\300\077\000\000\100\100\000\000\220\100' > "$work/expected"
run "$work/run.ptx" --run scale --block 32 --arg "@$work/in" --arg 1.5 --arg 3 --save "0=$work/result"
check 0 "a kernel runs"
cmp -s "$work/result" "$work/expected" || status=9
check 0 "and its memory is saved"
run "$work/run.ptx" --run scale --block 32 --arg "@$work/in" --arg 1.5 --arg 4
check 1 "beyond its memory it does not"
says err "an illegal address at line " "which is said"
says err "thread (3, 0, 0) of block (0, 0, 0)" "with the thread"
run "$work/run.ptx" --run scale --arg 1
check 1 "arguments that are missing"
says err "1 arguments for 3 parameters" "are counted"
run "$work/run.ptx" --run nobody
check 1 "a kernel that is not there"
run "$work/run.ptx" --dump-ir scale
says out "define void @kernel" "the IR is printed"
cp "$work/out" "$work/of_lines"
run "$work/run.ptx" --dump-ir scale --block 12,2
check 0 "so it is for other blocks"
! cmp -s "$work/out" "$work/of_lines" || status=9
check 0 "which is other code"
run "$work/run.ptx" --dump-asm scale
check 0 "and its assembly"
says out "kernel:" "which has it by name"
printf '.version 8.0\n.target sm_90\n.entry spin() { L: bra L; }\n' > "$work/spin.ptx"
BAREGPU_CUDA_TIME_LIMIT=20 run "$work/spin.ptx" --run spin
check 1 "a kernel without an end"
says err "spin: out of time" "ends with its time"

# ---- Options that are wrong ----

# refuses TEXT OPTION...: each with what is allowed.
refuses() {
    text=$1
    shift
    run "$work/spin.ptx" --run spin "$@"
    check 2 "refused: $*"
    says err "$text" "with a reason"
}

for shared in -5 abc 99999999; do
    refuses "bytes of shared memory are 0 to 232448" --shared "$shared"
done
for block in 0 -1 1, 1,2,3,4 1,1,65; do
    refuses "up to three numbers from 1 to 1024,1024,64" --block "$block"
done
refuses "up to three numbers from 1 to 2147483647,65535,65535" --grid 1,70000
refuses "--run takes one file" "$seed"
run "$work/run.ptx" --run scale --arg '[-1]' --arg 1 --arg 1
check 1 "refused: --arg [-1]"
says err "[-1]: memory is written [BYTES]" "with a reason"

# ---- Checks ----

check_kernel() {
    run "$work/run.ptx" --run scale --block 32 --arg "@$work/in" --arg 1.5 "$@"
}

check_kernel --arg 3 --check
check 0 "a kernel that is clean"
[ ! -s "$work/err" ] || status=9
check 0 "nothing is said of it"
check_kernel --arg 4 --check --save "0=$work/result"
check 1 "one that is not"
says err "run.ptx:10:29: memory: scale reads 4 bytes at" "is reported at its line"
says err "which is not allocated" "with what is wrong"
says err "2 errors in 2 places" "and summed"
BAREGPU_CUDA_CHECK_JSON=$work/json check_kernel --arg 4 --check=memory
check 1 "the same as JSON"
says json '"kind":"memory","what":"which is not allocated","kernel":"scale"' "has it"
check_kernel --arg 4 --check=no
check 2 "a check that there is not"

status=0
"$tool" "$seed" > /dev/full 2> "$work/err" || status=$?
check 2 "output that cannot be written"
exit "$failed"
