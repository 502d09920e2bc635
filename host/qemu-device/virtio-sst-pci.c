/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-sst-pci: virtio-sst on PCI.
 *
 * The virtio id 0x1042 has no place among the modern PCI device ids (0x1040 + id, up to 0x107F),
 * which is where the existing Linux driver binds. So the function has a transitional id, with the
 * virtio id in the subsystem id, and modern capabilities; there is no legacy interface behind it.
 */
#include "qemu/osdep.h"
#include "compat.h"
#include "hw/virtio/virtio-pci.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/module.h"
#include "virtio-sst.h"

#define TYPE_VIRTIO_SST_PCI "virtio-sst-pci"
OBJECT_DECLARE_SIMPLE_TYPE(VirtIOSSTPCI, VIRTIO_SST_PCI)

struct VirtIOSSTPCI {
    VirtIOPCIProxy parent_obj;
    VirtIOSST vdev;
};

static const Property virtio_sst_pci_properties[] = {
    DEFINE_PROP_BIT("ioeventfd", VirtIOPCIProxy, flags, VIRTIO_PCI_FLAG_USE_IOEVENTFD_BIT, true),
    DEFINE_PROP_UINT32("vectors", VirtIOPCIProxy, nvectors, DEV_NVECTORS_UNSPECIFIED),
};

static void virtio_sst_pci_realize(VirtIOPCIProxy *proxy, Error **errp)
{
    VirtIOSSTPCI *d = VIRTIO_SST_PCI(proxy);
    PCIDevice *pci = PCI_DEVICE(proxy);

    if (proxy->nvectors == DEV_NVECTORS_UNSPECIFIED) {
        proxy->nvectors = 2 * d->vdev.num_queues + 2; /* each queue, and the configuration */
    }
    virtio_pci_force_virtio_1(proxy);
    if (!qdev_realize(DEVICE(&d->vdev), BUS(&proxy->bus), errp)) {
        return;
    }
    pci_config_set_device_id(pci->config, BG_SST_PCI_DEVICE_ID);
    pci_set_word(pci->config + PCI_SUBSYSTEM_VENDOR_ID, BG_SST_PCI_VENDOR_ID);
    pci_set_word(pci->config + PCI_SUBSYSTEM_ID, BG_SST_PCI_SUBSYSTEM_ID);
}

/* The device's other properties are there already. */
static void alias_statistics(Object *proxy, Object *device)
{
    ObjectPropertyIterator iterator;
    ObjectProperty *property;

    object_property_iter_init(&iterator, device);
    while ((property = object_property_iter_next(&iterator)) != NULL) {
        if (strstart(property->name, "stat-", NULL)) {
            object_property_add_alias(proxy, property->name, device, property->name);
        }
    }
}

static void virtio_sst_pci_instance_init(Object *obj)
{
    VirtIOSSTPCI *d = VIRTIO_SST_PCI(obj);

    virtio_instance_init_common(obj, &d->vdev, sizeof(d->vdev), TYPE_VIRTIO_SST);
    alias_statistics(obj, OBJECT(&d->vdev));
}

static void virtio_sst_pci_class_init(ObjectClass *class, BAREGPU_CLASS_DATA *data)
{
    DeviceClass *dc = DEVICE_CLASS(class);
    VirtioPCIClass *k = VIRTIO_PCI_CLASS(class);
    PCIDeviceClass *pci = PCI_DEVICE_CLASS(class);

    k->realize = virtio_sst_pci_realize;
    pci->class_id = PCI_CLASS_OTHERS;
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    dc->desc = "baregpu simulated accelerator on PCI";
    device_class_set_props(dc, virtio_sst_pci_properties);
}

static const VirtioPCIDeviceTypeInfo virtio_sst_pci_info = {
    .generic_name = TYPE_VIRTIO_SST_PCI,
    .instance_size = sizeof(VirtIOSSTPCI),
    .instance_init = virtio_sst_pci_instance_init,
    .class_init = virtio_sst_pci_class_init,
};

static void virtio_sst_pci_register(void)
{
    virtio_pci_types_register(&virtio_sst_pci_info);
}

type_init(virtio_sst_pci_register)
