#include "app/server_settings.h"

namespace hoego::app {
namespace {

Setting Choice(std::string_view name, std::string_view fallback, std::string_view text, std::vector<std::string_view> choices) {
  Setting s{name, SettingType::kChoice, fallback, text};
  s.choices = std::move(choices);
  return s;
}

}  // namespace

const std::vector<Setting>& ServerSettings() {
  using enum SettingType;
  static const std::vector<Setting> kTable = {
      Choice("simd", "auto", "SIMD level of the kernels", {"auto", "scalar", "avx2", "avx512"}),
      Choice("log.level", "info", "Lowest level that is written to standard error", {"debug", "info", "warning", "error"}),
      Choice("log.form", "auto", "Log lines as text or JSON; auto: text on a terminal", {"auto", "text", "json"}),
      {"events.segment_bytes", kBytes, "64MiB", "Size of a log segment; larger: fewer files, a longer restart", 1 << 20, 1 << 30},
      {"events.retain_bytes", kBytes, "0", "Oldest sealed segments beyond it are removed; 0: keep all"},
      {"events.retain_age", kDuration, "0s", "Sealed segments older than it are removed; 0: keep all"},
      {"events.dedup_ids", kInt, "10000000", "Ids remembered for deduplication; more: 8 to 16 bytes of memory each", 1000, 1e9},
      {"events.dedup_age", kDuration, "1d", "How long an id is remembered at most", 1000},
      Choice("events.unknown_types", "accept", "What happens to events of undeclared types", {"accept", "refuse"}),
      {"events.history_cache_bytes", kBytes, "64MiB", "Histories of recently met units kept in memory", 1 << 20},
      {"http.threads", kInt, "0", "Threads that answer; 0: one a core", 0, 64},
      {"http.max_connections", kInt, "1000", "Connections at once; one more is answered 503", 1, 100'000},
      {"http.max_body_bytes", kBytes, "64MiB", "Largest request body, unpacked", 1024, 1 << 30},
      {"http.allowed_hosts", kString, "", "Names besides loopback that Host may carry, separated by commas"},
      {"http.allowed_origins", kString, "", "Origins that may change state besides our own, separated by commas"},
      {"serving.max_loaded", kInt, "8", "Model versions in memory at once; more: faster roll-backs, more memory", 1, 1000},
      {"serving.max_queued_decisions", kInt, "16384", "Decisions waiting for the log; beyond it an answer says logged: false", 16, 1e7},
      {"training.threads", kInt, "0", "Threads of one training child; 0: the cores shared among those that run", 0, 256},
      {"training.memory_bytes", kBytes, "4GiB", "Address space of one training child", 64 << 20},
      {"training.nice", kInt, "10", "Niceness of training children", 0, 19},
      {"training.timeout", kDuration, "6h", "A training child is ended after it", 1000},
      {"shutdown.drain", kDuration, "10s", "How long SIGTERM waits for answers in flight", 0},
  };
  return kTable;
}

}  // namespace hoego::app
