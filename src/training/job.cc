#include "training/job.h"

#include <signal.h>

#include <array>
#include <cmath>
#include <utility>

#include "base/child.h"
#include "base/crypto.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "training/evaluation_file.h"
#include "training/internal/file_digests.h"

namespace hoego::training {
namespace {

constexpr size_t kMostQuoted = 300;  // bytes of a child's own words in a message

Code CodeOf(std::string_view name) {
  for (int code = 1; code <= static_cast<int>(Code::kUnauthenticated); ++code) {
    if (CodeName(static_cast<Code>(code)) == name) {
      return static_cast<Code>(code);
    }
  }
  return Code::kUnknown;
}

// What a child says, line by line. The first line that breaks the protocol ends the child.
class Conversation {
 public:
  Conversation(Observer& observer, std::stop_source& end_child)
      : observer_(observer), end_child_(end_child) {}

  void Hear(std::string_view line) {
    if (!broken_.ok()) {
      return;
    }
    broken_ = Understand(line);
    if (!broken_.ok()) {
      end_child_.request_stop();
    }
  }

  const Status& broken() const { return broken_; }
  const Status& error() const { return error_; }  // what the child refused or failed with
  const std::string& result_sha() const { return result_sha_; }

 private:
  Status Understand(std::string_view line) {
    auto parsed = parser_.Parse(line);
    if (!parsed.ok() || !parsed->is_object()) {
      return Status::DataLoss(
          fmt::format("the child said what is no message: \"{}\"", line.substr(0, kMostQuoted)));
    }
    const Status status = Act(*parsed);
    return status.ok() ? status
                       : Status::DataLoss(
                             fmt::format("the child's words make no sense: {}", status.ToString()));
  }

  Status Act(JsonRef message) {
    HOEGO_TRY_ASSIGN(const std::string type, message.RequireString("type"));
    if (!result_sha_.empty() || !error_.ok()) {
      return Status::InvalidArgument(fmt::format("a {} after its last word", type));
    }
    if (type == "progress") {
      HOEGO_TRY_ASSIGN(const double share, message.RequireDouble("share"));
      HOEGO_TRY_ASSIGN(const std::string what, message.StringOr("what", ""));
      if (!(share >= 0 && share <= 1)) {
        return Status::InvalidArgument(fmt::format("a progress of {}", share));
      }
      observer_.Progress(share, what);
      return {};
    }
    if (type == "metric") {
      HOEGO_TRY_ASSIGN(const std::string name, message.RequireString("name"));
      HOEGO_TRY_ASSIGN(const int64_t step, message.IntOr("step", 0));
      const auto value = message.Find("value");  // null: not a number
      observer_.Metric(name, value ? value->AsDouble().value_or(std::nan("")) : std::nan(""), step);
      return {};
    }
    if (type == "result") {
      HOEGO_TRY_ASSIGN(result_sha_, message.RequireString("sha256"));
      return {};
    }
    if (type == "error") {
      HOEGO_TRY_ASSIGN(const std::string code, message.RequireString("code"));
      HOEGO_TRY_ASSIGN(const std::string text, message.RequireString("message"));
      error_ = Status(CodeOf(code), text);
      return {};
    }
    return Status::InvalidArgument(fmt::format("a message of type \"{}\"", type));
  }

  Observer& observer_;
  std::stop_source& end_child_;
  JsonParser parser_;
  Status broken_;
  Status error_;
  std::string result_sha_;
};

// "exit 1; it last wrote: …"
std::string HowItEnded(const ChildResult& child) {
  const std::string_view tail = Trim(child.error_tail);
  return tail.empty()
             ? child.Describe()
             : fmt::format("{}; it last wrote: {}", child.Describe(),
                           tail.substr(tail.size() > kMostQuoted ? tail.size() - kMostQuoted : 0));
}

// Why there is no result to look at, or ok.
Status JudgeEnd(const ChildResult& child, const Conversation& heard, bool asked_to_stop) {
  if (!heard.broken().ok()) {
    return Status(heard.broken().code(),
                  fmt::format("{}; {}", heard.broken().message(), HowItEnded(child)));
  }
  if (!heard.error().ok()) {
    return heard.error();
  }
  if (child.exit_code == 0 && child.signal == 0 && !heard.result_sha().empty()) {
    return {};
  }
  if (child.timed_out) {
    return Status::DeadlineExceeded(HowItEnded(child));
  }
  if (child.cancelled || asked_to_stop) {
    return Status::Cancelled(HowItEnded(child));
  }
  // Thread tops do not catch: a failed allocation there aborts, and the runtime writes the
  // exception's name.
  if (child.signal == SIGKILL || child.error_tail.find("bad_alloc") != std::string::npos) {
    return Status::ResourceExhausted(HowItEnded(child));
  }
  if (child.signal != 0 || child.exit_code != 0) {
    return Status::Internal(HowItEnded(child));
  }
  return Status::DataLoss("the child ended well without a result; " + HowItEnded(child));
}

// Believes what is on disk only when it is what the child said and what the job asked for.
Result<JobResult> CheckResult(const JobSpec& spec, const std::string& sha) {
  const std::string path = JoinPath(spec.output, "result.json");
  const auto text = ReadWholeFile(RealDisk(), path);
  if (!text.ok()) {
    return Status::DataLoss(
        fmt::format("the child spoke of a result that is not there: {}", text.status().ToString()));
  }
  if (ToHex(Sha256(*text)) != sha) {
    return Status::DataLoss(fmt::format("{} is not the result that the child spoke of", path));
  }
  auto result = ReadJobResult(spec.output);
  if (!result.ok()) {
    return result.status();
  }
  if (result->job_digest != JobDigest(spec) || result->algorithm != spec.algorithm) {
    return Status::DataLoss(fmt::format("{} is the result of another job", path));
  }
  const auto files = internal::FileDigests(JoinPath(spec.output, result->model_folder));
  if (!files.ok() || files->empty() || *files != result->model_files) {
    return Status::DataLoss(
        fmt::format("{}: the files of the model are not those the result names", spec.output));
  }
  if (!spec.dataset_digest.empty() && result->dataset_digest != spec.dataset_digest) {
    return Status::DataLoss(fmt::format("{}: learnt from another dataset than asked for", path));
  }
  if (spec.evaluate) {
    const auto stored = LoadEvaluation(JoinPath(spec.output, result->evaluation_file));
    if (!stored.ok() || stored->evaluation.overall != result->metrics) {
      return Status::DataLoss(fmt::format(
          "{}: the evaluation is missing or not the one the result names", spec.output));
    }
  }
  return result;
}

// A result that does not hold must not be found by the next who looks.
Status TakeBack(const JobSpec& spec) {
  const std::string path = JoinPath(spec.output, "result.json");
  return RealDisk().Exists(path) ? RealDisk().Remove(path) : Status();
}

Result<JobResult> Run(const std::string& self_exe, const JobSpec& spec, Observer& observer,
                      const std::stop_token& stop) {
  const std::string spec_path = JoinPath(spec.output, "spec.json");
  HOEGO_TRY(WriteFileAtomically(RealDisk(), spec_path, ToJson(spec)));
  std::stop_source end_child;
  const std::stop_callback forward(stop, [&end_child] { end_child.request_stop(); });
  Conversation heard(observer, end_child);
  ChildOptions options;
  options.argv = {self_exe, "train-child", spec_path};
  options.nice = spec.nice;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  options.memory_bytes = spec.memory_bytes;  // a sanitizer reserves more addresses than any limit
#endif
  options.timeout = std::chrono::milliseconds(spec.timeout_ms);
  HOEGO_TRY_ASSIGN(
      const ChildResult child,
      RunChild(
          options, [&heard](std::string_view line) { heard.Hear(line); }, end_child.get_token()));
  HOEGO_TRY(JudgeEnd(child, heard, stop.stop_requested()));
  auto result = CheckResult(spec, heard.result_sha());
  if (!result.ok()) {
    HOEGO_TRY(TakeBack(spec));
    return result;
  }
  result->wall_seconds = child.wall_seconds;
  result->cpu_seconds = child.cpu_seconds;
  result->max_rss_bytes = child.max_rss_bytes;
  return result;
}

}  // namespace

Result<JobResult> RunJob(const std::string& self_exe, const JobSpec& spec, Observer& observer,
                         const std::stop_token& stop) {
  HOEGO_TRY(spec.Validate());
  const std::string context = "train " + spec.algorithm;
  JobSpec settled = spec;
  settled.threads = spec.threads == 0 ? static_cast<uint32_t>(UsableCores()) : spec.threads;
  HOEGO_TRY(RealDisk().MakeFolder(spec.output).Within(context));
  auto lock = FolderLock::Take(spec.output);
  if (!lock.ok()) {
    return lock.status().Within(context);
  }
  auto result = ReadJobResult(spec.output);
  if (result.ok()) {
    return result->job_digest == JobDigest(spec)
               ? std::move(result)
               : Result<JobResult>(Status::AlreadyExists(
                     fmt::format("{} holds the result of another job", spec.output)));
  }
  if (result.status().code() != Code::kNotFound) {
    return result.status().Within(context);
  }
  result = Run(self_exe, settled, observer, stop);
  return result.ok() ? std::move(result) : Result<JobResult>(result.status().Within(context));
}

}  // namespace hoego::training
