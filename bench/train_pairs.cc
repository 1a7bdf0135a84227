// Trains one algorithm on a file of `unit item` pairs and prints one JSON line: seconds and CPU
// seconds of the fit alone, and recall@20 on a held-out tenth.   train_pairs PAIRS THREADS
// ALGORITHM [name=value…]   (PAIRS may be .xz, .gz or .zst) The split is a function of the two ids
// alone (Held), so that another program can make the same: bench/als_vs_implicit.py.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/line_reader.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "kernels/simd.h"
#include "kernels/topk.h"
#include "training/algorithm.h"

namespace hoego {
namespace {

struct Pairs {
  kernels::Csr train;
  kernels::Csr held;
  std::vector<std::string> items;
};

// About a tenth of the pairs, by a hash of the two numbers.
bool Held(uint32_t unit, uint32_t item) {
  const uint32_t h = (unit * 2654435761U) ^ (item * 2246822519U);
  return (h * 3266489917U) >> 16 < 6554;
}

kernels::Csr Build(std::vector<std::vector<uint32_t>>& rows, size_t columns) {
  kernels::Csr m;
  m.rows = static_cast<uint32_t>(rows.size());
  m.columns = static_cast<uint32_t>(columns);
  m.begin = {0};
  for (auto& row : rows) {
    std::sort(row.begin(), row.end());
    m.cols.insert(m.cols.end(), row.begin(), row.end());
    m.begin.push_back(m.cols.size());
  }
  m.values.assign(m.cols.size(), 1.0F);
  return m;
}

Result<std::vector<std::pair<uint32_t, uint32_t>>> ReadNumbers(const std::string& path) {
  HOEGO_TRY_ASSIGN(auto reader, LineReader::Open(path));
  std::vector<std::pair<uint32_t, uint32_t>> pairs;
  for (;;) {
    HOEGO_TRY_ASSIGN(const auto line, reader.Next());
    if (!line) {
      return pairs;
    }
    const auto words = Split(Trim(*line), ' ');
    const auto unit = words.size() == 2 ? ParseInt(words[0]) : std::nullopt;
    const auto item = words.size() == 2 ? ParseInt(words[1]) : std::nullopt;
    if (!unit || !item) {
      return Status::InvalidArgument(
          fmt::format("{} line {}: expected `unit item`", path, reader.line_number()));
    }
    pairs.emplace_back(static_cast<uint32_t>(*unit), static_cast<uint32_t>(*item));
  }
}

Result<Pairs> ReadPairs(const std::string& path) {
  HOEGO_TRY_ASSIGN(const auto numbers, ReadNumbers(path));
  std::map<uint32_t, uint32_t> units;
  std::map<uint32_t, uint32_t> items;
  for (const auto& [unit, item] : numbers) {
    units.emplace(unit, 0);
    items.emplace(item, 0);
  }
  Pairs data;
  uint32_t next = 0;
  for (auto& [id, row] : units) {
    row = next++;
  }
  for (auto& [id, column] : items) {
    column = static_cast<uint32_t>(data.items.size());
    data.items.push_back(std::to_string(id));
  }
  std::vector<std::vector<uint32_t>> train(units.size());
  std::vector<std::vector<uint32_t>> held(units.size());
  for (const auto& [unit, item] : numbers) {
    (Held(unit, item) ? held : train)[units[unit]].push_back(items[item]);
  }
  data.train = Build(train, items.size());
  data.held = Build(held, items.size());
  return data;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Of one unit: hits among the best 20 unseen items by min(20, held); negative without held items.
double RecallOf(const models::Model& model, const Pairs& data, uint32_t unit,
                std::vector<float>& scores) {
  const auto held = data.held.row_columns(unit);
  const auto seen = data.train.row_columns(unit);
  if (held.empty()) {
    return -1;
  }
  std::vector<models::Interaction> history;
  for (const uint32_t item : seen) {
    history.push_back({item, 1.0F});
  }
  model.Score(history, scores);
  double hits = 0;
  for (const auto& best : kernels::TopK(scores, 20, [&](uint32_t i) {
         return !std::binary_search(seen.begin(), seen.end(), i);
       })) {
    hits += std::binary_search(held.begin(), held.end(), best.index) ? 1 : 0;
  }
  return hits / static_cast<double>(std::min<size_t>(20, held.size()));
}

double Recall20(const models::Model& model, const Pairs& data, ThreadPool& pool) {
  std::vector<double> recall(data.train.rows, -1.0);
  pool.ParallelFor(data.train.rows, 64, [&](size_t begin, size_t end, size_t /*worker*/) {
    std::vector<float> scores(model.items());
    for (size_t u = begin; u < end; ++u) {
      recall[u] = RecallOf(model, data, static_cast<uint32_t>(u), scores);
    }
  });
  double sum = 0;
  double units = 0;
  for (const double r : recall) {
    sum += std::max(r, 0.0);
    units += r >= 0 ? 1 : 0;
  }
  return sum / units;
}

Status Run(const std::vector<std::string>& args) {
  const auto threads = args.size() < 3 ? std::nullopt : ParseInt(args[1]);
  const training::Algorithm* algorithm =
      args.size() < 3 ? nullptr : training::FindAlgorithm(args[2]);
  if (!threads || *threads < 1 || algorithm == nullptr) {
    return Status::InvalidArgument(
        "usage: train_pairs PAIRS THREADS popularity|item_knn|ease|als [name=value…]");
  }
  Settings params(algorithm->params());
  for (size_t i = 3; i < args.size(); ++i) {
    HOEGO_TRY(params.SetAssignment(args[i]));
  }
  HOEGO_TRY_ASSIGN(const Pairs data, ReadPairs(args[0]));
  ThreadPool pool(static_cast<size_t>(*threads));
  training::SilentObserver observer;
  const training::FitInput input{data.train, data.items};
  const auto start = std::chrono::steady_clock::now();
  const double cpu = CpuSeconds();
  HOEGO_TRY_ASSIGN(const auto model, algorithm->Fit(input, params, pool, observer, {}));
  const double cpu_seconds = CpuSeconds() - cpu;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double recall = Recall20(*model, data, pool);
  JsonWriter w;
  w.BeginObject()
      .Field("algorithm", algorithm->name())
      .Key("params")
      .Raw(model->manifest().params_json);
  w.Field("threads", *threads).Field("simd", model->manifest().simd);
  w.Field("units", data.train.rows)
      .Field("items", data.train.columns)
      .Field("pairs", data.train.nonzeros());
  w.Field("held", data.held.nonzeros()).Field("seconds", seconds).Field("cpu_seconds", cpu_seconds);
  w.Field("recall@20", recall).EndObject();
  std::puts(w.Take().c_str());
  return {};
}

}  // namespace
}  // namespace hoego

int main(int argc, char** argv) {
  const hoego::Status status = hoego::Run({argv + 1, argv + argc});
  if (!status.ok()) {
    fmt::print(stderr, "train_pairs: {}\n", status.message());
    return 2;
  }
  return 0;
}
