// SPDX-License-Identifier: Apache-2.0
// Adds two vectors on the first GPU with the CUDA driver API, and prints how far it got as one line
// of JSON.
//
//   cuda_add      exit status 0: every sum is right
//
// It needs no CUDA headers and no CUDA library except the driver's own libcuda.so.1, which it finds
// through the loader like every program.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kElements = 1 << 16, kBlock = 256, kTextLength = 256 };

typedef int Device;
typedef void* Handle;
typedef unsigned long long Address;

// The kernel as text. The driver compiles it for the GPU and needs its
// libnvidia-ptxjitcompiler.so.1 for that.
static const char kPtx[] =
    ".version 6.0\n"
    ".target sm_50\n"
    ".address_size 64\n"
    ".visible .entry add(.param .u64 add_a, .param .u64 add_b, .param .u64 add_sum,\n"
    "                    .param .u32 add_count)\n"
    "{\n"
    "  .reg .pred %p<2>;\n"
    "  .reg .b32 %r<6>;\n"
    "  .reg .f32 %f<4>;\n"
    "  .reg .b64 %rd<11>;\n"
    "  mov.u32 %r1, %ctaid.x;\n"
    "  mov.u32 %r2, %ntid.x;\n"
    "  mov.u32 %r4, %tid.x;\n"
    "  ld.param.u32 %r3, [add_count];\n"
    "  mad.lo.s32 %r5, %r1, %r2, %r4;\n"
    "  setp.ge.u32 %p1, %r5, %r3;\n"
    "  @%p1 bra DONE;\n"
    "  ld.param.u64 %rd1, [add_a];\n"
    "  ld.param.u64 %rd2, [add_b];\n"
    "  ld.param.u64 %rd3, [add_sum];\n"
    "  cvta.to.global.u64 %rd4, %rd1;\n"
    "  cvta.to.global.u64 %rd5, %rd2;\n"
    "  cvta.to.global.u64 %rd6, %rd3;\n"
    "  mul.wide.u32 %rd7, %r5, 4;\n"
    "  add.s64 %rd8, %rd4, %rd7;\n"
    "  add.s64 %rd9, %rd5, %rd7;\n"
    "  add.s64 %rd10, %rd6, %rd7;\n"
    "  ld.global.f32 %f1, [%rd8];\n"
    "  ld.global.f32 %f2, [%rd9];\n"
    "  add.rn.f32 %f3, %f1, %f2;\n"
    "  st.global.f32 [%rd10], %f3;\n"
    "DONE:\n"
    "  ret;\n"
    "}\n";

static struct {
  int (*init)(unsigned);
  int (*error_string)(int, const char**);
  int (*driver_version)(int*);
  int (*device_count)(int*);
  int (*device)(Device*, int);
  int (*device_name)(char*, int, Device);
  int (*create_context)(Handle*, unsigned, Device);
  int (*destroy_context)(Handle);
  int (*load_module)(Handle*, const void*);
  int (*function)(Handle*, Handle, const char*);
  int (*allocate)(Address*, size_t);
  int (*copy_in)(Address, const void*, size_t);
  int (*copy_out)(void*, Address, size_t);
  int (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                Handle, void**, void**);
  int (*synchronize)(void);
} cuda;

static struct {
  int driver;
  int devices;
  char name[kTextLength];
  const char* step;
  char error[kTextLength];
  int wrong;
} result = {0, 0, "", "load libcuda.so.1", "", 0};

/// Records one step of the driver API for the result; returns nonzero if it failed.
static int failed(const char* step, int status) {
  const char* text = NULL;
  result.step = step;
  if (status == 0) return 0;
  if (cuda.error_string(status, &text) != 0 || text == NULL) text = "unknown";
  snprintf(result.error, sizeof result.error, "error %d: %s", status, text);
  return 1;
}

static int load_functions(void) {
  const struct {
    const char* symbol;
    void* function;
  } wanted[] = {
      {"cuInit", &cuda.init},
      {"cuGetErrorString", &cuda.error_string},
      {"cuDriverGetVersion", &cuda.driver_version},
      {"cuDeviceGetCount", &cuda.device_count},
      {"cuDeviceGet", &cuda.device},
      {"cuDeviceGetName", &cuda.device_name},
      {"cuCtxCreate_v2", &cuda.create_context},
      {"cuCtxDestroy_v2", &cuda.destroy_context},
      {"cuModuleLoadData", &cuda.load_module},
      {"cuModuleGetFunction", &cuda.function},
      {"cuMemAlloc_v2", &cuda.allocate},
      {"cuMemcpyHtoD_v2", &cuda.copy_in},
      {"cuMemcpyDtoH_v2", &cuda.copy_out},
      {"cuLaunchKernel", &cuda.launch},
      {"cuCtxSynchronize", &cuda.synchronize},
  };
  void* library = dlopen("libcuda.so.1", RTLD_NOW);
  if (library == NULL) {
    snprintf(result.error, sizeof result.error, "%s", dlerror());
    return 0;
  }
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; ++i) {
    // ISO C has no conversion to a function pointer; POSIX guarantees that the bytes are the same.
    void* found = dlsym(library, wanted[i].symbol);
    memcpy(wanted[i].function, &found, sizeof found);
    if (found == NULL) {
      snprintf(result.error, sizeof result.error, "libcuda.so.1 has no %s", wanted[i].symbol);
      return 0;
    }
  }
  return 1;
}

static int compute(const float* a, const float* b, float* sum) {
  const size_t size = kElements * sizeof *a;
  unsigned count = kElements;
  Handle module = NULL;
  Handle add = NULL;
  Address on_gpu[3] = {0, 0, 0};
  void* parameters[] = {&on_gpu[0], &on_gpu[1], &on_gpu[2], &count};
  if (failed("cuModuleLoadData", cuda.load_module(&module, kPtx)) ||
      failed("cuModuleGetFunction", cuda.function(&add, module, "add"))) {
    return 0;
  }
  for (int i = 0; i < 3; ++i) {
    if (failed("cuMemAlloc_v2", cuda.allocate(&on_gpu[i], size))) return 0;
  }
  // Destroying the context frees its memory.
  return !failed("cuMemcpyHtoD_v2", cuda.copy_in(on_gpu[0], a, size)) &&
         !failed("cuMemcpyHtoD_v2", cuda.copy_in(on_gpu[1], b, size)) &&
         !failed("cuLaunchKernel", cuda.launch(add, kElements / kBlock, 1, 1, kBlock, 1, 1, 0, NULL,
                                               parameters, NULL)) &&
         !failed("cuCtxSynchronize", cuda.synchronize()) &&
         !failed("cuMemcpyDtoH_v2", cuda.copy_out(sum, on_gpu[2], size));
}

/// The numbers are small enough to be exact in single precision.
static int compute_and_compare(void) {
  static float a[kElements];
  static float b[kElements];
  static float sum[kElements];
  for (int i = 0; i < kElements; ++i) {
    a[i] = (float)i;
    b[i] = (float)(3 * i + 1);
    sum[i] = -1;
  }
  if (!compute(a, b, sum)) return 0;
  result.step = "compare";
  for (int i = 0; i < kElements; ++i) result.wrong += sum[i] != (float)(4 * i + 1);
  if (result.wrong == 0) return 1;
  snprintf(result.error, sizeof result.error, "%d of %d sums are wrong", result.wrong, kElements);
  return 0;
}

static int run(void) {
  Device device = 0;
  Handle context = NULL;
  if (!load_functions() || failed("cuInit", cuda.init(0)) ||
      failed("cuDriverGetVersion", cuda.driver_version(&result.driver)) ||
      failed("cuDeviceGetCount", cuda.device_count(&result.devices)) ||
      failed("cuDeviceGet", cuda.device(&device, 0)) ||
      failed("cuDeviceGetName", cuda.device_name(result.name, sizeof result.name, device)) ||
      failed("cuCtxCreate_v2", cuda.create_context(&context, 0, device))) {
    return 0;
  }
  const int right = compute_and_compare();
  cuda.destroy_context(context);
  return right;
}

/// Texts of libraries and drivers contain no control characters, but may contain quotes.
static void print_text(const char* key, const char* text) {
  printf(", \"%s\": \"", key);
  for (; *text != '\0'; ++text) {
    if (*text == '"' || *text == '\\') putchar('\\');
    if ((unsigned char)*text >= ' ') putchar(*text);
  }
  putchar('"');
}

int main(void) {
  const int right = run();
  printf("{\"right\": %s, \"cuda\": %d, \"devices\": %d, \"elements\": %d",
         right ? "true" : "false", result.driver, result.devices, kElements);
  print_text("name", result.name);
  print_text("step", result.step);
  print_text("error", result.error);
  puts("}");
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
