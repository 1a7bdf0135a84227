#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego::app {

// Exit codes of every command: 0 done, 1 a finding or a refusal, 2 wrong use.
inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kWrongUse = 2;

// What all commands share.
struct Common {
  std::string program;                     // our own executable, for training children
  std::string data;                        // the folder
  bool json = false;
  std::vector<std::string> set;            // name=value
  std::string config;
};

struct ServeArgs {
  std::string http = "127.0.0.1:7070";
  std::string grpc = "none";
  std::string model_repository;
  std::string tokens;
  std::string tls_cert;
  std::string tls_key;
};

struct DemoArgs {
  std::string http = "127.0.0.1:0";
  std::string data_file;
  std::string budget = "full";
  bool once = false;
  uint64_t seed = 20261122;
};

struct ImportArgs {
  std::string path;
  std::string format;
  std::vector<std::string> columns;  // field=column
  std::string type;
  bool skip_errors = false;
};

struct ExportArgs {
  std::string format = "jsonl";
  std::string kind = "all";
  std::string type;
  std::string from;
  std::string to;
  std::string output;
};

struct TrainArgs {
  std::string algorithm;
  std::vector<std::string> params;   // name=value[,value]
  std::vector<std::string> positive = {"watch"};
  std::string objective = "ndcg@20";
  std::string name;                  // registers the result under it
  uint64_t seed = 1;
};

struct RecommendArgs {
  std::string model;
  std::string output;
  int n = 10;
};

struct AnalyzeArgs {
  std::string file;
  std::string unit = "unit";
  std::string arm = "arm";
  std::string metric = "metric";
  std::string control;
  double alpha = 0.05;
};

int RunServe(const Common& common, const ServeArgs& args);
int RunDemo(const Common& common, const DemoArgs& args);
int RunImport(const Common& common, const ImportArgs& args);
int RunExport(const Common& common, const ExportArgs& args);
int RunTrain(const Common& common, const TrainArgs& args);
int RunEvaluate(const Common& common, const std::string& model);
int RunRecommendAll(const Common& common, const RecommendArgs& args);
int RunLoopFile(const Common& common, const std::string& file);
int RunList(const Common& common, const std::string& what);  // "runs", "models", "endpoints", "tests"
int RunDoctor(const Common& common);
int RunForget(const Common& common, const std::string& unit);
int RunTestAnalyze(const Common& common, const AnalyzeArgs& args);
int RunSettings(const Common& common, bool markdown);

// Prints the failure, as JSON when asked, and gives the exit code: kRefused, or for wrong use kWrongUse.
int Fail(const Common& common, const Status& status);
int WrongUse(const Common& common, const Status& status);

// What can be said of a command line before its command runs. --set and --config, printed: kDone or kWrongUse.
int CheckSettings(const Common& common);
// InvalidArgument for an unknown algorithm, naming the nearest and all.
Status CheckAlgorithm(std::string_view name);

}  // namespace hoego::app
