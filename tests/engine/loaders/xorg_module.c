// SPDX-License-Identifier: Apache-2.0
// A module of an X server: it can be loaded, and has no screen. MODULE is its name; LOADS, if it is
// defined, that of one which it wants, as NVIDIA's driver wants its GLX.
#include <stdint.h>
#include <stdlib.h>

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define JOINED(name) name##ModuleData
#define DATA(name) JOINED(name)

/// As the X server reads it.
typedef struct {
  const char* name;
  const char* vendor;
  uint32_t mark[2];
  uint32_t server;
  uint8_t major, minor;
  uint16_t patch;
  const char* interface;  ///< NULL: of no version in particular
  uint32_t interface_version;
  const char* class;
  uint32_t checksum[4];
} Version;

typedef struct {
  Version* version;
  void* (*setup)(void* module, void* options, int* error, int* error_minor);
  void (*teardown)(void* module);
} ModuleData;

#ifdef LOADS
/// A function of the X server.
void* LoadSubModule(void* parent, const char* module, const char** directories,
                    const char** patterns, void* options, const void* wanted, int* error,
                    int* error_minor);
#endif

static void* set_up(void* module, void* options, int* error, int* error_minor) {
#ifdef LOADS
  LoadSubModule(module, TEXT(LOADS), NULL, NULL, options, NULL, error, error_minor);
#endif
  (void)options;
  (void)error;
  (void)error_minor;
  return module;
}

static Version version = {
    TEXT(MODULE), "simulated", {0xef23fdc5, 0x10dc023a}, 12101004, 1, 0, 0, NULL, 0, NULL, {0}};

__attribute__((visibility("default"))) ModuleData DATA(MODULE) = {&version, set_up, NULL};
