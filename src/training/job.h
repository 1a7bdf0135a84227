#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "datasets/dataset.h"
#include "training/algorithm.h"
#include "training/evaluate.h"
#include "training/observer.h"
#include "training/search.h"

namespace hoego::training {

// One training: from a dataset file to a model folder with its evaluation, in a child process.
//   {"dataset":"d.dataset","dataset_digest":"…",
//    "split":{"by":"per_unit_time","validate":0.1,"test":0.1,"seed":1},
//    "fit":["train","validate"],"evaluate":"test",
//    "algorithm":"ease","params":{},"grid":{"l2":[100,500]},
//    "search":{"kind":"grid","trials":0,"seconds":0,"objective":"ndcg@20"},
//    "cutoffs":[10,20],"bootstrap":1000,"confidence":0.95,"seed":1,"now_ms":0,"code_version":"",
//    "threads":2,"memory_bytes":0,"nice":10,"timeout_ms":0,"output":"jobs/7"}
// Only dataset, algorithm and output have no default.
struct JobSpec {
  std::string dataset;         // path of the file
  std::string dataset_digest;  // refused when the file has another; empty: any
  datasets::SplitSpec split;
  // What the model that is kept learns from, and what it is evaluated on (none: "evaluate":null).
  std::vector<datasets::Part> fit = {datasets::Part::kTrain, datasets::Part::kValidate};
  std::optional<datasets::Part> evaluate = datasets::Part::kTest;
  std::string algorithm;
  Params params;
  // With a grid: each combination is fitted on train and ranked on validate; the best is fitted
  // anew on `fit`. search.seed is not used: `seed` counts.
  SearchSpec search;
  std::vector<int> cutoffs = {10, 20};
  int bootstrap = 1000;  // replicates of the intervals
  double confidence = 0.95;
  uint64_t seed = 1;
  int64_t now_ms = 0;         // decay counts from here; 0: the newest sample that is fitted
  std::string code_version;   // recorded in the manifest
  uint32_t threads = 0;       // that work side by side (2 at least); 0: one a usable core
  uint64_t memory_bytes = 0;  // of address space; 0: no limit
  int nice = 10;
  int64_t timeout_ms = 0;  // 0: none
  std::string output;      // folder, made when missing; one job a folder
  Status Validate() const;
};

std::string ToJson(const JobSpec& spec);
// InvalidArgument for unknown fields (naming the nearest), wrong kinds and values out of range.
Result<JobSpec> ParseJobSpec(std::string_view json);
// Names what was asked for: equal for specs that differ only in where they run (paths, threads,
// limits) or in the program's version, so that a job finished before an upgrade stays finished.
std::string JobDigest(const JobSpec& spec);

struct JobResult {
  std::string job_digest;
  std::string algorithm;
  std::string dataset_digest;
  uint64_t units = 0;
  uint64_t items = 0;
  std::map<std::string, uint64_t> samples;  // by part: train, validate, test, unused
  Params params;                            // all of them, defaults filled in
  std::vector<Trial> trials;                // empty without a grid
  size_t best_trial = 0;
  std::map<std::string, double> metrics;           // Evaluation::overall
  std::map<std::string, Interval> intervals;       // of the means over units
  std::string model_folder = "model";              // in the output folder
  std::map<std::string, std::string> model_files;  // SHA-256 by name
  std::string evaluation_file;  // "evaluation.bin" (docs/formats/evaluation.md), or empty
  bool reproducible = true;     // false: a budget in seconds cut the search short
  Plan plan;
  uint32_t threads = 0;
  double search_seconds = 0;
  double fit_seconds = 0;
  double evaluate_seconds = 0;
  double wall_seconds = 0;  // of the child
  double cpu_seconds = 0;
  uint64_t max_rss_bytes = 0;
};

std::string ToJson(const JobResult& result);
Result<JobResult> ParseJobResult(std::string_view json);

// The result of a job that was finished: its folder holds result.json, which is written last.
// NotFound otherwise.
Result<JobResult> ReadJobResult(const std::string& output);

// Runs the job in a child, `self_exe train-child OUTPUT/spec.json`, and waits. A folder that
// already holds the result of this job is answered at once; one that holds another's is refused
// (AlreadyExists), and so is one another process works in. The child's own refusals come back as it
// said them; a crash, a hang, a child out of memory and one whose words and deeds do not fit (files
// missing, altered, of another job) are Internal, DeadlineExceeded, ResourceExhausted and DataLoss
// with the last lines it wrote to standard error. Cancelled when asked to stop. The same spec gives
// bit-equal model files. Threads: any number of jobs side by side; the observer is called on the
// calling thread.
Result<JobResult> RunJob(const std::string& self_exe, const JobSpec& spec, Observer& observer,
                         const std::stop_token& stop);

// What the child does. One JSON object a line on `out`, flushed:
// {"type":"progress","share","what"}, {"type":"metric","name", "value","step"}, at the end
// {"type":"result","sha256":…of result.json} or {"type":"error","code","message"}. Returns the exit
// code: 0 done, 1 refused or failed, 2 not a spec.
int RunJobChild(std::string_view spec_json, std::FILE* out);
// The hidden command `train-child SPEC_FILE`: RunJobChild on a file's content and standard output.
int TrainChildMain(const std::string& spec_path);

}  // namespace hoego::training
