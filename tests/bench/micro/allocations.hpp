// SPDX-License-Identifier: Apache-2.0
// Counts the heap allocations of a benchmark.
#pragma once

#include <benchmark/benchmark.h>

#include <cstddef>

namespace nvhook::bench {

struct Heap {
  std::size_t allocations = 0;
  std::size_t bytes = 0;
};

/// Returns what this program has allocated since its start.
[[nodiscard]] Heap heap() noexcept;

/// Runs `work` repeatedly and adds the heap use of one run to the benchmark's counters.
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
