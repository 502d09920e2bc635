/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel in C++, freestanding, without exceptions, run-time types or a C++ library: instead of
 * firmware/minimal/main.c, with the rest of that kernel. kernel_cpp_test.sh builds and runs it.
 */
#include "baregpu/pci_ecam.h"
#include "baregpu/version.h"
#include "baregpu/vgpu_stub.h"

extern "C" int minimal_main();
extern "C" void semihosting_write0(const char *text);

namespace {

/* PCI of QEMU's virt machine, highmem=on. */
class Pci {
public:
    Pci()
    {
        bg_pci_host_config config{};

        config.ecam_size = 0x10000000;
        config.ecam = bg_hal_map(0x4010000000, config.ecam_size, BG_HAL_MEMORY_DEVICE);
        config.bus_last = 255;
        config.windows[BG_PCI_WINDOW_MEM32] = {0x10000000, 0x10000000, 0x2EFF0000};
        config.devices = devices_;
        config.device_capacity = sizeof(devices_) / sizeof(devices_[0]);
        error_ = bg_pci_host_init(&host_, &config);
        if (error_ == BG_OK) {
            error_ = bg_pci_host_enumerate(&host_);
        }
    }

    int error() const { return error_; }
    const bg_pci_host *host() const { return &host_; }

private:
    bg_pci_device devices_[64];
    bg_pci_host host_;
    int error_;
};

class Gpu {
public:
    explicit Gpu(const Pci &pci) : error_(bg_vgpu_stub_open(&gpu_, pci.host(), nullptr))
    {
        gpu_.wait = BG_WAIT_POLL;
    }

    int error() const { return error_; }

    int add(uint32_t a, uint32_t b, uint32_t *sum)
    {
        return bg_vgpu_stub_add_basic(&gpu_, a, b, sum, bg_hal_time_ns() + 5000000000u);
    }

private:
    bg_vgpu_stub gpu_;
    int error_;
};

int fail(const char *what, int error)
{
    semihosting_write0(what);
    semihosting_write0(": ");
    semihosting_write0(bg_strerror(error));
    semihosting_write0("\n");
    return 1;
}

} // namespace

int minimal_main()
{
    static Pci pci; /* larger than the stack */
    static Gpu gpu(pci);
    uint32_t sum = 0;

    if (pci.error() != BG_OK || gpu.error() != BG_OK) {
        return fail("vgpu-stub", pci.error() != BG_OK ? pci.error() : gpu.error());
    }
    if (int error = gpu.add(100, 200, &sum)) {
        return fail("100 + 200", error);
    }
    semihosting_write0(sum == 300 ? "100 + 200 = 300, in C++ with baregpu " BAREGPU_VERSION "\n"
                                  : "a wrong sum\n");
    return sum == 300 ? 0 : 1;
}
