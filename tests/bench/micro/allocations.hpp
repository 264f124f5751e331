// SPDX-License-Identifier: Apache-2.0
// Counts what a benchmark takes of the heap; the benchmark program's operators new count.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

namespace nvhook::bench {

struct Heap {
  std::size_t allocations = 0;
  std::size_t bytes = 0;
};

/// Of this program since its start.
[[nodiscard]] Heap heap() noexcept;

/// Runs `work` again and again, and adds what one run takes of the heap to the benchmark's figures.
template <typename Work>
void measure(benchmark::State& state, Work work) {
  const Heap before = heap();
  for (auto turn : state) {
    static_cast<void>(turn);
    benchmark::DoNotOptimize(work());
  }
  const Heap after = heap();
  using benchmark::Counter;
  state.counters["allocations"] =
      Counter(static_cast<double>(after.allocations - before.allocations), Counter::kAvgIterations);
  state.counters["heap_bytes"] =
      Counter(static_cast<double>(after.bytes - before.bytes), Counter::kAvgIterations);
}

}  // namespace nvhook::bench
