// SPDX-License-Identifier: Apache-2.0
// Replaces the global operators new and delete, so that allocations are counted.
#include "bench/micro/allocations.hpp"

#include <cstdlib>
#include <new>

namespace {

nvhook::bench::Heap counted;  // benchmarks run one after another, in one thread

void* allocate(std::size_t size) {
  ++counted.allocations;
  counted.bytes += size;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

namespace nvhook::bench {

Heap heap() noexcept { return counted; }

}  // namespace nvhook::bench

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
