// SPDX-License-Identifier: Apache-2.0
// A libcuda.so.1 that can be loaded and has the entry points that programs look up first. There is
// no GPU behind it.

enum { kCudaSuccess = 0, kCudaInvalidValue = 1 };

int cuInit(unsigned flags) { return flags == 0 ? kCudaSuccess : kCudaInvalidValue; }

int cuDriverGetVersion(int* version) {
  if (version == 0) return kCudaInvalidValue;
  *version = 12020;
  return kCudaSuccess;
}
