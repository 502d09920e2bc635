# SPDX-License-Identifier: BSD-2-Clause
# What runs beside QEMU: the mediator, and the simulator with the library that it stands on. And the
# CUDA device on the CPU: a driver of its own, and the tool for PTX.
#
# The mediator never links CUDA: a libcuda is opened at run time.

HOST := $(BUILD)/host
HOST_OBJ := $(HOST)/obj
MEDIATOR := $(HOST)/baregpu-mediator
SMI := $(HOST)/baregpu-smi
EXPORTER := $(HOST)/baregpu-exporter
SST_SIM := $(HOST)/baregpu-sst-sim
SST_LIB := $(HOST)/libsst-device.a
PTX_TOOL := $(HOST)/baregpu-ptx
PTXC := $(HOST)/cuda-cpu/baregpu-ptxc
CUDA_CPU := $(HOST)/cuda-cpu/libcuda.so.1
CUBLAS_CPU := $(HOST)/cuda-cpu/libcublas.so.13

MEDIATOR_SRC := $(wildcard host/mediator/*.c host/mediator/*/*.c host/mediator/*/*/*.c host/common/*.c)
MEDIATOR_OBJ := $(MEDIATOR_SRC:%.c=$(HOST_OBJ)/%.o)
SMI_SRC := $(wildcard host/smi/*.c) $(addprefix host/mediator/,admin_client.c config.c config_value.c log.c) \
           $(addprefix host/common/,listener.c address.c)
EXPORTER_SRC := $(wildcard host/exporter/*.c host/common/jail*.c) \
                $(addprefix host/smi/,nvml.c reading.c) host/mediator/admin_client.c host/common/listener.c
SST_LIB_SRC := $(addprefix host/sst-sim/,device.c kernel.c link.c server.c) \
               host/common/listener.c
SST_SIM_SRC := $(filter-out $(SST_LIB_SRC),$(wildcard host/sst-sim/*.c host/common/jail*.c)) \
               host/common/ready_fd.c
# The compiler has a process of its own; the tool is one that compiles by itself.
PTX_ROOM = $(wildcard $(addsuffix /*.c,$(addprefix host/cuda-cpu/,$(1))))
PTXC_SRC := $(call PTX_ROOM,ptx compile) host/cuda-cpu/process/main.c \
            host/cuda-cpu/process/server.c $(wildcard host/common/jail*.c) \
            $(filter-out %/here.c,$(call PTX_ROOM,ptxc))
PTX_TOOL_SRC := $(call PTX_ROOM,ptx compile check device ptxc program tool)
# With the compiler inside, for tests.
CUDA_CPU_HERE_SRC := $(call PTX_ROOM,ptx compile check device ptxc program driver)
CUDA_CPU_SRC := $(call PTX_ROOM,check device program driver) host/cuda-cpu/process/client.c \
                $(addprefix host/cuda-cpu/ptxc/,flat.c limits.c source.c) \
                $(addprefix host/cuda-cpu/ptx/,input.c log.c)
CUBLAS_CPU_SRC := $(call PTX_ROOM,blas)
SMI_OBJ := $(SMI_SRC:%.c=$(HOST_OBJ)/%.o)
EXPORTER_OBJ := $(EXPORTER_SRC:%.c=$(HOST_OBJ)/%.o)
SST_LIB_OBJ := $(SST_LIB_SRC:%.c=$(HOST_OBJ)/%.o)
SST_SIM_OBJ := $(SST_SIM_SRC:%.c=$(HOST_OBJ)/%.o)
PTX_TOOL_OBJ := $(PTX_TOOL_SRC:%.c=$(HOST_OBJ)/%.o)
PTXC_OBJ := $(PTXC_SRC:%.c=$(HOST_OBJ)/%.o)
CUDA_CPU_OBJ := $(CUDA_CPU_SRC:%.c=$(HOST_OBJ)/pic/%.o)
CUBLAS_CPU_OBJ := $(CUBLAS_CPU_SRC:%.c=$(HOST_OBJ)/pic/%.o)

# A product and a sum are rounded each, as protocol/ says, whatever the processor could do at once.
HOST_COMMON := -std=gnu11 -O2 -g -ffp-contract=off $(WARNINGS) -I. -Ihost -D_GNU_SOURCE \
               -fno-omit-frame-pointer $(HOST_CFLAGS_PKG) $(DXBC_CFLAGS)
HOST_CFLAGS_ALL = $(HOST_COMMON) -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
                  $(HOST_CFLAGS)
HOST_CFLAGS_PIC = $(HOST_COMMON) -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2 $(HOST_CFLAGS)
HOST_LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(HOST_LDFLAGS)
HOST_LIBS := $(HOST_LIBS_PKG) -ldl -lpthread -lm
# What reads shaders. A C++ library that has no shared form in Debian; and one whose shared form would
# make every stack executable, which a worker may not have, and newer C libraries do not open.
SPIRV_LIBS := -lSPIRV-Tools -lstdc++ -l:libvkd3d-shader.a

$(call remember,host,$(CC) $(HOST_VERSION) $(HOST_CFLAGS_ALL))
$(call remember,host-link,$(HOST_LDFLAGS_ALL) $(HOST_LIBS) $(MEDIATOR_SRC))

.PHONY: host
host: $(if $(MEDIATOR_SRC),$(MEDIATOR)) $(SMI) $(EXPORTER) $(SST_SIM) $(SST_LIB) $(PTX_TOOL) $(PTXC) $(CUDA_CPU) \
      $(CUBLAS_CPU)

$(MEDIATOR): $(MEDIATOR_OBJ) $(BUILD)/flags/host-link | $(CUDA_CPU) $(EXPORTER)
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $(filter %.o,$^) $(HOST_LIBS) $(SPIRV_LIBS) -o $@

$(SMI): $(SMI_OBJ) $(BUILD)/flags/host-link
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $(filter %.o,$^) $(HOST_LIBS_PKG) -ldl -lm -lpthread -o $@

$(EXPORTER): $(EXPORTER_OBJ) $(BUILD)/flags/host-link
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $(filter %.o,$^) $(HOST_LIBS_PKG) -lmicrohttpd -ldl -lm -o $@

$(SST_LIB): $(SST_LIB_OBJ)
	@rm -f $@
	$(call quiet,AR,$@)ar rcs $@ $^

$(SST_SIM): $(SST_SIM_OBJ) $(SST_LIB)
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $^ $(HOST_LIBS) -o $@

$(PTX_TOOL): $(PTX_TOOL_OBJ)
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $^ -ldl -lm -o $@

$(PTXC): $(PTXC_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) $(HOST_LDFLAGS_ALL) $^ $(HOST_LIBS_PKG) -ldl -lm -o $@

$(CUBLAS_CPU): $(CUBLAS_CPU_OBJ) host/cuda-cpu/blas/blas.map $(BUILD)/flags/host-link | $(CUDA_CPU)
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) -shared -Wl,-soname,libcublas.so.13 -Wl,-z,relro,-z,now -Wl,-z,defs \
		-Wl,-Bsymbolic -Wl,--version-script=host/cuda-cpu/blas/blas.map $(HOST_LDFLAGS) \
		$(CUBLAS_CPU_OBJ) -ldl -lpthread -o $@

# NVIDIA's names alone can be seen, and its own calls of them stay inside.
$(CUDA_CPU): $(CUDA_CPU_OBJ) host/cuda-cpu/driver/driver.map $(BUILD)/flags/host-link | $(PTXC)
	@mkdir -p $(@D)
	$(call quiet,LD,$@)$(CC) -shared -Wl,-soname,libcuda.so.1 -Wl,-z,relro,-z,now -Wl,-z,defs \
		-Wl,-Bsymbolic -Wl,--version-script=host/cuda-cpu/driver/driver.map $(HOST_LDFLAGS) \
		$(CUDA_CPU_OBJ) -ldl -lpthread -lm -o $@

$(HOST_OBJ)/pic/%.o: %.c $(BUILD)/flags/host
	@mkdir -p $(@D)
	$(call quiet,CC,$@)$(CCACHE) $(CC) $(PREFIX_MAP) $(HOST_CFLAGS_PIC) -MMD -MP -c $< -o $@

$(HOST_OBJ)/%.o: %.c $(BUILD)/flags/host
	@mkdir -p $(@D)
	$(call quiet,CC,$@)$(CCACHE) $(CC) $(PREFIX_MAP) $(HOST_CFLAGS_ALL) -MMD -MP -c $< -o $@

# What kernels.c takes in, which no compiler tells.
$(addsuffix /host/mediator/compute/kernels.o,$(HOST_OBJ) $(addprefix $(BUILD)/tests/obj/,asan fuzz)): \
	host/mediator/compute/kernels.ptx

-include $(MEDIATOR_OBJ:.o=.d) $(SMI_OBJ:.o=.d) $(EXPORTER_OBJ:.o=.d) $(SST_LIB_OBJ:.o=.d) $(SST_SIM_OBJ:.o=.d) \
         $(PTX_TOOL_OBJ:.o=.d) $(PTXC_OBJ:.o=.d) $(CUDA_CPU_OBJ:.o=.d) $(CUBLAS_CPU_OBJ:.o=.d)
