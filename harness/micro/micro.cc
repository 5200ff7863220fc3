// Registers the pieces of micro.h with Google Benchmark, whose own flags choose, repeat and print them.
// Besides those: -o KEY=VALUE,… as in `tricolor run`. Counters, in nanoseconds an operation: cpu of all
// threads, without what is not timed (Google Benchmark's CPU column has that too); p50, p99 and max of the
// batches. Collections have rates, too.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "micro.h"

namespace {

std::string heap_options = "heap=1g";

// By nearest rank; `sorted` is not empty.
double quantile(const std::vector<double> &sorted, double q) {
  size_t rank = static_cast<size_t>(q * static_cast<double>(sorted.size()) + 0.999999);
  return sorted[rank ? rank - 1 : 0];
}

void measure(benchmark::State &state, const micro_case &piece, bool marking) {
  char error[256];
  bool skipped;
  micro *heap = micro_open(&piece, marking, heap_options.c_str(), &skipped, error, sizeof error);
  if (!heap) {
    state.SkipWithError(skipped ? "skipped: the collector lacks what this needs" : error);
    return;
  }
  micro_sample sum = {};
  std::vector<double> times;
  while (state.KeepRunningBatch(static_cast<int64_t>(piece.batch))) {
    micro_sample sample = {};
    if (!micro_measure(heap, piece.batch, &sample)) {
      state.SkipWithError("skipped: out of memory, or marking ended too early, or the world never stopped");
      break;
    }
    state.SetIterationTime(static_cast<double>(sample.ns) / 1e9);
    times.push_back(static_cast<double>(sample.ns));
    sum.cpu_ns += sample.cpu_ns;
    sum.marked_objects += sample.marked_objects;
    sum.copied_bytes += sample.copied_bytes;
    sum.freed_bytes += sample.freed_bytes;
  }
  micro_close(heap);
  if (times.empty()) return;

  using benchmark::Counter;
  double n = static_cast<double>(piece.batch);
  std::sort(times.begin(), times.end());
  state.counters["cpu"] = Counter(static_cast<double>(sum.cpu_ns), Counter::kAvgIterations);
  state.counters["p50"] = quantile(times, 0.5) / n;
  state.counters["p99"] = quantile(times, 0.99) / n;
  state.counters["max"] = times.back() / n;
  const struct {
    const char *name;
    uint64_t count;
  } rates[] = {{"marked_objects/s", sum.marked_objects},
               {"copied_bytes/s", sum.copied_bytes},
               {"freed_bytes/s", sum.freed_bytes}};
  for (const auto &rate : rates)
    if (rate.count) state.counters[rate.name] = Counter(static_cast<double>(rate.count), Counter::kIsRate);
}

void add(const micro_case &piece, const std::string &name, bool marking) {
  auto *registered = benchmark::RegisterBenchmark(
      name.c_str(), [&piece, marking](benchmark::State &state) { measure(state, piece, marking); });
  registered->UseManualTime();
  if (piece.iterations) registered->Iterations(static_cast<int64_t>(piece.iterations));
}

} // namespace

int main(int argc, char **argv) {
  benchmark::Initialize(&argc, argv);
  for (int i = 1; i < argc; i++) {
    if (std::strcmp(argv[i], "-o") != 0 || i + 1 == argc) {
      std::fprintf(stderr,
                   "micro.%s: '%s': right would be -o KEY=VALUE,… or a flag of Google Benchmark (--help)\n",
                   micro_collector, argv[i]);
      return 2;
    }
    heap_options += std::string(",") + argv[++i];
  }
  benchmark::AddCustomContext("collector", micro_collector);
  benchmark::AddCustomContext("options", heap_options);
  for (size_t i = 0; i < micro_case_count; i++) {
    const std::string name = micro_cases[i].name;
    add(micro_cases[i], micro_cases[i].marks ? name + "/off" : name, false);
    if (micro_cases[i].marks) add(micro_cases[i], name + "/on", true);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
