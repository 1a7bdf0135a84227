// How good is each algorithm on public data, with parameters chosen without looking at the test
// part?
//   quality_table [ml-100k] [ml-1m] [--threads N]      prints Markdown; HOEGO_DATA names the folder
//   of public data
// Each unit's events by time: 80 % train, 10 % validate, 10 % test (datasets/dataset.h,
// kPerUnitTime). Parameters by ndcg@20 on validate; the best are fitted anew on train + validate;
// full ranking of all unseen items (training/evaluate.h). Each row is one job in a child process,
// exactly as the server runs it (training/job.h).
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "base/thread_pool.h"
#include "datasets/from_files.h"
#include "datasets/public_data.h"
#include "kernels/simd.h"
#include "training/evaluation_file.h"
#include "training/job.h"

namespace hoego {
namespace {

using training::JobResult;
using training::JobSpec;

using Grid = std::map<std::string, std::vector<std::string>>;

struct Candidate {
  std::string algorithm;
  training::Params params;
  Grid grid;
};

const std::vector<Candidate>& Candidates() {
  static const std::vector<Candidate> all = {
      {"popularity", {}, {{"half_life", {"0ms", "1d", "30d", "365d"}}}},
      {"item_knn",
       {{"similarity", "cosine"}},
       {{"neighbours", {"20", "50", "200", "1000"}}, {"shrink", {"0", "20"}}}},
      {"item_knn",
       {{"similarity", "bm25"}},
       {{"neighbours", {"50", "200", "1000"}}, {"b", {"0.25", "0.75"}}, {"k1", {"1.2", "10"}}}},
      {"ease", {}, {{"l2", {"50", "100", "200", "400", "800", "1600", "3200"}}}},
      {"als",
       {{"loss", "false"}},
       {{"factors", {"32", "64", "128"}},
        {"regularization", {"0.001", "0.003", "0.01"}},
        {"alpha0", {"0.3", "1", "3"}}}},
  };
  return all;
}

struct Data {
  std::string name;
  bool has_times;  // else only the order of events is known, and decay by time means nothing
  Result<datasets::Dataset> (*read)();
};

const std::vector<Data>& AllData() {
  static const std::vector<Data> all = {
      {"ml-100k", true,
       [] { return datasets::FromRatings(datasets::PublicData("movielens-100k/u.data.xz")); }},
      {"ml-1m", false,
       [] {
         return datasets::FromSequences(
             datasets::PublicData("movielens-1m-implicit/sequences.txt.xz"));
       }},
  };
  return all;
}

// A candidate's name and, of its parameters, those that were fixed or searched.
std::string NameOf(const Candidate& candidate, const JobResult& result) {
  std::string text = candidate.algorithm;
  for (const auto& [name, value] : result.params) {
    if (name != "loss" && (candidate.params.count(name) > 0 || candidate.grid.count(name) > 0)) {
      text += fmt::format(" {}={}", name, value);
    }
  }
  return text;
}

void PrintQuality(const std::vector<std::string>& names, const std::vector<JobResult>& results) {
  const std::vector<std::string> metrics = {"recall",   "ndcg",     "map",     "mrr",
                                            "hit_rate", "coverage", "novelty", "gini"};
  for (const int k : {10, 20}) {
    std::string head = "| model |";
    std::string rule = "|---|";
    for (const std::string& metric : metrics) {
      head += fmt::format(" {}@{} |", metric, k);
      rule += "---|";
    }
    fmt::print("{}\n{}\n", head, rule);
    for (size_t i = 0; i < results.size(); ++i) {
      std::string row = fmt::format("| {} |", names[i]);
      for (const std::string& metric : metrics) {
        const std::string name = fmt::format("{}@{}", metric, k);
        const auto interval = results[i].intervals.find(name);
        row += interval == results[i].intervals.end()
                   ? fmt::format(" {:.3f} |", results[i].metrics.at(name))
                   : fmt::format(" {:.4f} ±{:.4f} |", results[i].metrics.at(name),
                                 (interval->second.high - interval->second.low) / 2);
      }
      fmt::print("{}\n", row);
    }
    fmt::print("\n");
  }
}

void PrintCosts(const std::vector<std::string>& names, const std::vector<JobResult>& results) {
  fmt::print(
      "| model | trials | search s | fit s | evaluate s | CPU s | peak memory "
      "|\n|---|---|---|---|---|---|---|\n");
  for (size_t i = 0; i < results.size(); ++i) {
    const JobResult& r = results[i];
    fmt::print("| {} | {} | {:.2f} | {:.3f} | {:.2f} | {:.1f} | {} |\n", names[i], r.trials.size(),
               r.search_seconds, r.fit_seconds, r.evaluate_seconds, r.cpu_seconds,
               HumanBytes(r.max_rss_bytes));
  }
  fmt::print("\n");
}

// Each model against the best by ndcg@20, unit by unit.
Status PrintComparisons(const std::vector<std::string>& names,
                        const std::vector<JobResult>& results,
                        const std::vector<std::string>& folders) {
  size_t best = 0;
  for (size_t i = 1; i < results.size(); ++i) {
    best = results[i].metrics.at("ndcg@20") > results[best].metrics.at("ndcg@20") ? i : best;
  }
  fmt::print(
      "| {} against | ndcg@20 difference | 95 % interval | p (t) | p (Wilcoxon) "
      "|\n|---|---|---|---|---|\n",
      names[best]);
  HOEGO_TRY_ASSIGN(const auto a, training::LoadEvaluation(folders[best] + "/evaluation.bin"));
  for (size_t i = 0; i < results.size(); ++i) {
    if (i != best) {
      HOEGO_TRY_ASSIGN(const auto b, training::LoadEvaluation(folders[i] + "/evaluation.bin"));
      HOEGO_TRY_ASSIGN(const auto test, training::CompareStored(a, b, "ndcg@20", 0.95, 1000, 1));
      fmt::print("| {} | {:.4f} | {:.4f} to {:.4f} | {:.2g} | {:.2g} |\n", names[i],
                 test.difference, test.interval.low, test.interval.high, test.p_t, test.p_wilcoxon);
    }
  }
  fmt::print("\n");
  return {};
}

Status RunOn(const Data& data, const std::string& folder, uint32_t threads) {
  HOEGO_TRY_ASSIGN(const datasets::Dataset dataset, data.read());
  const std::string path = folder + "/" + data.name + ".dataset";
  HOEGO_TRY(datasets::SaveDataset(dataset, path));
  fmt::print("## {}: {} units, {} items, {} events; {} threads, {}\n\n", data.name,
             dataset.unit_keys.size(), dataset.items.size(), dataset.samples.size(), threads,
             kernels::SimdLevelName(kernels::ActiveSimdLevel()));
  std::vector<std::string> names;
  std::vector<std::string> folders;
  std::vector<JobResult> results;
  for (const Candidate& candidate : Candidates()) {
    JobSpec spec;
    spec.dataset = path;
    spec.algorithm = candidate.algorithm;
    spec.params = candidate.params;
    spec.search.grid = candidate.grid;
    if (!data.has_times) {
      spec.search.grid.erase("half_life");
    }
    spec.threads = threads;
    spec.nice = 0;
    spec.output = fmt::format("{}/{}-{}", folder, data.name, results.size());
    training::SilentObserver observer;
    HOEGO_TRY_ASSIGN(JobResult result,
                     training::RunJob("/proc/self/exe", spec, observer, std::stop_token()));
    names.push_back(NameOf(candidate, result));
    folders.push_back(spec.output);
    std::fprintf(stderr, "%s\n", names.back().c_str());
    results.push_back(std::move(result));
  }
  PrintQuality(names, results);
  PrintCosts(names, results);
  return PrintComparisons(names, results, folders);
}

int Main(const std::vector<std::string>& args) {
  auto threads = static_cast<uint32_t>(UsableCores());
  std::vector<std::string> wanted;
  for (size_t i = 0; i < args.size(); ++i) {
    const auto number =
        args[i] == "--threads" && i + 1 < args.size() ? ParseInt(args[i + 1]) : std::nullopt;
    if (number && *number > 0) {
      threads = static_cast<uint32_t>(*number);
      ++i;
    } else {
      wanted.push_back(args[i]);
    }
  }
  const std::string folder =
      (std::filesystem::temp_directory_path() / fmt::format("hoego_quality_{}", ::getpid()))
          .string();
  std::filesystem::create_directories(folder);
  Status status;
  size_t ran = 0;
  for (const Data& data : AllData()) {
    if (status.ok() &&
        (wanted.empty() || std::find(wanted.begin(), wanted.end(), data.name) != wanted.end())) {
      status = RunOn(data, folder, threads).Within(data.name);
      ++ran;
    }
  }
  std::filesystem::remove_all(folder);
  if (!status.ok() || ran == 0) {
    std::fprintf(stderr, "%s\n",
                 ran == 0 ? "usage: quality_table [ml-100k] [ml-1m] [--threads N]"
                          : status.ToString().c_str());
    return ran == 0 ? 2 : 1;
  }
  return 0;
}

}  // namespace
}  // namespace hoego

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "train-child") {
    return hoego::training::TrainChildMain(argv[2]);
  }
  return hoego::Main(std::vector<std::string>(argv + 1, argv + argc));
}
