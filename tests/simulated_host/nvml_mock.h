// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of the simulated libnvidia-ml.so.1.
#pragma once

enum {
  kSuccess = 0,
  kUninitialized = 1,
  kInvalidArgument = 2,
  kNotSupported = 3,
  kNoPermission = 4,
  kNotFound = 6,
  kInsufficientSize = 7,
  kDriverNotLoaded = 9,
  kFunctionNotFound = 13,
  kGpuIsLost = 15,
  kVersionMismatch = 18,
  kUnknown = 999,
};

enum {
  kMaxProcesses = 64,
  kMaxGpus = 64,
  kMaxMigDevices = 128,
  kMaxText = 96,
  kMaxPath = 320,
  kMigSlots = 7
};

// A GPU or one of its MIG devices: NVML has one kind of handle for both.
struct Gpu {
  char pci[32];
  char uuid[kMaxText];
  unsigned minor;
  int capability_major;
  int capability_minor;
  int brand;
  char name[kMaxText];
  int broken;
  int usage_result;
  int mig_mode_result;
  unsigned mig_slots;
  // Only for a MIG device.
  unsigned mig_index;
  unsigned gpu_instance;
  unsigned compute_instance;
};

typedef struct Gpu* nvmlDevice_t;

/// A process on a GPU.
struct Process {
  char pci[32];
  unsigned pid;
  unsigned long long memory;  // bytes
  unsigned busy;              // percent
};

/// The configuration, and what this process can see of it.
struct Mock {
  int initialized;
  char driver[kMaxText];
  int cuda;
  int init_result;
  unsigned delay;  // of nvmlInit, in seconds
  long forced_count;
  int noise;
  struct Gpu gpus[kMaxGpus];
  unsigned gpu_count;
  struct Gpu mig_devices[kMaxMigDevices];
  unsigned mig_device_count;
  struct Process processes[kMaxProcesses];
  unsigned process_count;
  unsigned visible[kMaxGpus];
  unsigned visible_count;
};
extern struct Mock mock __attribute__((visibility("hidden")));

/// The checks with which every query about one device begins.
int mock_check(const struct Gpu* gpu, const void* result) __attribute__((visibility("hidden")));
