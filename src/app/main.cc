// The command line. Each command's work is in command_*.cc; CLI11 stays in this file.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/commands.h"
#include "app/version.h"
#include "base/text.h"
#include "training/job.h"

namespace {

using hoego::app::Common;

// An empty value is a mistake in a script ("$DIR" that was never set), not a wish for the default.
const CLI::Validator& NotEmpty() {
  static const CLI::Validator kNotEmpty(
      [](const std::string& text) { return text.empty() ? std::string("must not be empty") : std::string(); }, "");
  return kNotEmpty;
}

// Looked at while the line is parsed, so that nothing else that is missing hides it.
const CLI::Validator& KnownAlgorithm() {
  static const CLI::Validator kKnown(
      [](const std::string& name) { return std::string(hoego::app::CheckAlgorithm(name).message()); }, "");
  return kKnown;
}

struct CommandLine {
  CLI::App app{"Hoego: one program in which a machine-learning model lives its whole life", "hoego"};
  Common common;
  hoego::app::ServeArgs serve;
  hoego::app::DemoArgs demo;
  hoego::app::ImportArgs import;
  hoego::app::ExportArgs exports;
  hoego::app::TrainArgs train;
  hoego::app::RecommendArgs recommend;
  hoego::app::AnalyzeArgs analyze;
  std::string text;
  bool flag = false;
  int code = 0;

  // A command with --json, and with --data, --set and --config when it opens a folder.
  CLI::App* Add(CLI::App& parent, const std::string& name, const std::string& help, bool folder, std::function<int()> run) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->add_flag("--json", common.json, "Answer as JSON");
    if (folder) {
      command->add_option("--data", common.data, "The folder that holds everything")->required()->check(NotEmpty());
      command->add_option("--set", common.set, "name=value of a setting (hoego settings lists them)");
      command->add_option("--config", common.config, "A file of settings, a line each: name = value");
    }
    command->callback([this, folder, run = std::move(run)] {
      code = folder ? hoego::app::CheckSettings(common) : hoego::app::kDone;
      if (code == hoego::app::kDone) {
        code = run();
      }
    });
    return command;
  }
};

void AddServing(CommandLine& c) {
  auto* serve = c.Add(c.app, "serve", "Serves a folder over HTTP", true, [&c] { return RunServe(c.common, c.serve); });
  serve->add_option("--http", c.serve.http, "ADDRESS:PORT; port 0: any free one")->capture_default_str();
  serve->add_option("--grpc", c.serve.grpc, "ADDRESS:PORT or none; not served by this build")->capture_default_str();
  serve->add_option("--model-repository", c.serve.model_repository, "Not supported yet");
  serve->add_option("--tokens", c.serve.tokens, "Not supported yet");
  serve->add_option("--tls-cert", c.serve.tls_cert, "Not supported yet");
  serve->add_option("--tls-key", c.serve.tls_key, "Not supported yet");
  auto* demo = c.Add(c.app, "demo", "The whole loop on MovieLens-100K, with simulated visitors", true,
                     [&c] { return RunDemo(c.common, c.demo); });
  demo->add_option("--data-file", c.demo.data_file, "ml-100k.inter, or your own in the same form")->required();
  demo->add_option("--http", c.demo.http, "ADDRESS:PORT")->capture_default_str();
  demo->add_option("--budget", c.demo.budget, "short (at most 90 s) or full (at most 5 min)")
      ->check(CLI::IsMember({"short", "full"}))->capture_default_str();
  demo->add_flag("--once", c.demo.once, "Ends after the second retrospective instead of staying up");
  demo->add_option("--seed", c.demo.seed, "Of the simulated visitors")->capture_default_str();
}

void AddData(CommandLine& c) {
  auto* import = c.Add(c.app, "import", "Reads events from a file (.xz, .gz and .zst as they are)", true,
                       [&c] { return RunImport(c.common, c.import); });
  import->add_option("path", c.import.path, "The file")->required();
  import->add_option("--format", c.import.format, "movielens, csv or jsonl")
      ->required()->check(CLI::IsMember({"movielens", "csv", "jsonl"}));
  import->add_option("--column", c.import.columns, "field=column for csv, such as unit=user_id");
  import->add_option("--type", c.import.type, "Event type of rows that name none")->check(NotEmpty());
  import->add_flag("--skip-errors", c.import.skip_errors, "Go on after a bad line");
  auto* exports = c.Add(c.app, "export", "Writes records as JSON Lines", true, [&c] { return RunExport(c.common, c.exports); });
  exports->add_option("--format", c.exports.format)->check(CLI::IsMember({"jsonl"}))->capture_default_str();
  exports->add_option("--kind", c.exports.kind)->check(CLI::IsMember({"event", "decision", "exposure", "all"}))->capture_default_str();
  exports->add_option("--type", c.exports.type, "Only events of this type")->check(NotEmpty());
  exports->add_option("--from", c.exports.from, "Received at or after");
  exports->add_option("--to", c.exports.to, "Received before");
  exports->add_option("-o,--output", c.exports.output, "A file instead of standard output");
  c.Add(c.app, "doctor", "Checks a folder end to end", true, [&c] { return RunDoctor(c.common); });
  auto* forget = c.Add(c.app, "forget", "Destroys the key of a unit", true, [&c] { return RunForget(c.common, c.text); });
  forget->add_option("unit", c.text)->required();
}

void AddModels(CommandLine& c) {
  auto* train = c.Add(c.app, "train", "Trains a model from the log in a child process", true,
                      [&c] { return RunTrain(c.common, c.train); });
  train->add_option("algorithm", c.train.algorithm, "popularity, item_knn, ease or als")->required()->check(KnownAlgorithm());
  train->add_option("--param", c.train.params, "name=value, or name=v1,v2 to search");
  train->add_option("--positive", c.train.positive, "Event types to learn from")->capture_default_str();
  train->add_option("--objective", c.train.objective)->capture_default_str();
  train->add_option("--name", c.train.name, "Register the result as the next version of this model")->check(NotEmpty());
  train->add_option("--seed", c.train.seed)->capture_default_str();
  auto* evaluate = c.Add(c.app, "evaluate", "Ranks for every unit with a registered model and reports the metrics", true,
                         [&c] { return RunEvaluate(c.common, c.text); });
  evaluate->add_option("model", c.text, "films, films/2 or films@champion")->required();
  auto* recommend = c.Add(c.app, "recommend", "Writes the recommendations of all units to a file", true,
                          [&c] { return RunRecommendAll(c.common, c.recommend); });
  recommend->add_option("--model", c.recommend.model, "films, films/2 or films@champion")->required();
  recommend->add_flag("--all", c.flag, "All units")->required();
  recommend->add_option("-o,--output", c.recommend.output)->required();
  recommend->add_option("-n", c.recommend.n, "Items a unit")->check(CLI::Range(1, 1000))->capture_default_str();
  for (const char* what : {"runs", "models", "endpoints", "tests"}) {
    c.Add(c.app, what, std::string("Lists ") + what, true, [&c, what] { return hoego::app::RunList(c.common, what); });
  }
}

void AddLoops(CommandLine& c) {
  CLI::App* loop = c.app.add_subcommand("loop", "Loops");
  loop->require_subcommand(1);
  auto* run = c.Add(*loop, "run", "Runs one cycle of a loop file", true, [&c] { return RunLoopFile(c.common, c.text); });
  run->add_option("file", c.text, "The loop file")->required();
  CLI::App* test = c.app.add_subcommand("test", "Tests");
  test->require_subcommand(1);
  auto* analyze = c.Add(*test, "analyze", "Analyses a CSV with a line a unit", false,
                        [&c] { return RunTestAnalyze(c.common, c.analyze); });
  analyze->add_option("file", c.analyze.file, "CSV with a header, packed or not")->required();
  analyze->add_option("--unit", c.analyze.unit, "Column of the unit")->capture_default_str();
  analyze->add_option("--arm", c.analyze.arm, "Column of the arm")->capture_default_str();
  analyze->add_option("--metric", c.analyze.metric, "Column of the metric")->capture_default_str();
  analyze->add_option("--control", c.analyze.control, "The control's name");
  analyze->add_option("--alpha", c.analyze.alpha)->capture_default_str();
  auto* settings = c.Add(c.app, "settings", "Lists every setting", false, [&c] { return RunSettings(c.common, c.flag); });
  settings->add_flag("--markdown", c.flag, "As docs/settings.md");
  c.Add(c.app, "version", "Prints the version", false, [&c] {
    std::printf(c.common.json ? "{\"name\":\"hoego\",\"version\":\"%s\"}\n" : "hoego %s\n", hoego::app::kVersion);
    return 0;
  });
}

// CLI11 says of an unknown command only that one is missing. A line that begins with an option is left to it.
hoego::Status CheckCommandWords(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  std::string path;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    if (commands.empty() || word.starts_with('-')) {
      return {};
    }
    std::vector<std::string> names;
    for (const CLI::App* command : commands) {
      names.push_back(command->get_name());
    }
    const auto found = std::find(names.begin(), names.end(), word);
    if (found == names.end()) {
      const auto near = hoego::NearestName(word, names);
      return hoego::Status::InvalidArgument(fmt::format("unknown command \"{}{}\"{}; known: {}", path, word,
                                                        near ? fmt::format("; did you mean \"{}{}\"?", path, *near) : "",
                                                        fmt::join(names, ", ")));
    }
    path += word + " ";
    at = commands[static_cast<size_t>(found - names.begin())];
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "train-child") {
    return hoego::training::TrainChildMain(argv[2]);
  }
  CommandLine c;
  std::error_code error;
  c.common.program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  c.app.require_subcommand(1);
  AddServing(c);
  AddData(c);
  AddModels(c);
  AddLoops(c);
  if (const hoego::Status words = CheckCommandWords(c.app, argc, argv); !words.ok()) {
    c.common.json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    return hoego::app::WrongUse(c.common, words);
  }
  try {
    c.app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int shown = c.app.exit(e);
    return shown == 0 ? hoego::app::kDone : hoego::app::kWrongUse;
  }
  return c.code;
}
