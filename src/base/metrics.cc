#include "base/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/mutex.h"

namespace hoego {
namespace {

constexpr std::array<int64_t, 22> kBoundNanos = {
    10'000,        25'000,        50'000,        100'000,       250'000,     500'000,
    1'000'000,     2'500'000,     5'000'000,     10'000'000,    25'000'000,  50'000'000,
    75'000'000,    100'000'000,   250'000'000,   500'000'000,   750'000'000, 1'000'000'000,
    2'500'000'000, 5'000'000'000, 7'500'000'000, 10'000'000'000};

}  // namespace

size_t Counter::Slot() {
  static std::atomic<size_t> next{0};
  thread_local const size_t slot = next.fetch_add(1, std::memory_order_relaxed) % 8;
  return slot;
}

uint64_t Counter::value() const {
  uint64_t sum = 0;
  for (const Cell& cell : slots_) {
    sum += cell.value.load(std::memory_order_relaxed);
  }
  return sum;
}

const std::vector<double>& Histogram::Bounds() {
  static const std::vector<double> bounds = [] {
    std::vector<double> seconds;
    for (const int64_t nanos : kBoundNanos) {
      seconds.push_back(static_cast<double>(nanos) / 1e9);
    }
    return seconds;
  }();
  return bounds;
}

void Histogram::Observe(std::chrono::nanoseconds d) {
  const int64_t nanos = std::max<int64_t>(d.count(), 0);
  const auto at =
      std::lower_bound(kBoundNanos.begin(), kBoundNanos.end(), nanos) - kBoundNanos.begin();
  counts_[static_cast<size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  nanos_.fetch_add(static_cast<uint64_t>(nanos), std::memory_order_relaxed);
}

uint64_t Histogram::count() const {
  const std::vector<uint64_t> counts = bucket_counts();
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

double Histogram::sum_seconds() const {
  return static_cast<double>(nanos_.load(std::memory_order_relaxed)) / 1e9;
}

std::vector<uint64_t> Histogram::bucket_counts() const {
  std::vector<uint64_t> counts(kBoundNanos.size() + 1);
  for (size_t i = 0; i < counts.size(); ++i) {
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

double Histogram::Quantile(double q) const {
  const std::vector<uint64_t> counts = bucket_counts();
  const auto total =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  if (total == 0 || std::isnan(q)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double rank = std::clamp(q, 0.0, 1.0) * total;
  double below = 0;
  for (size_t i = 0; i < kBoundNanos.size(); ++i) {
    const auto here = static_cast<double>(counts[i]);
    if (here > 0 && below + here >= rank) {
      const double low = i == 0 ? 0 : Bounds()[i - 1];
      return low + (Bounds()[i] - low) * (rank - below) / here;
    }
    below += here;
  }
  return Bounds().back();
}

namespace {

enum class Kind { kCounter, kGauge, kHistogram };

struct Series {
  Labels labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> read;
};

struct Family {
  std::string help;
  Kind kind = Kind::kCounter;
  std::map<std::string, Series> series;  // by the labels as they are printed
};

bool IsName(std::string_view name, bool colon) {
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (colon && c == ':');
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), fits);
}

void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

// `a="x",b="y"`, without braces.
std::string LabelText(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) {
    HOEGO_CHECK(IsName(key, false) && key != "le");
    text += text.empty() ? "" : ",";
    text += key;
    text += "=\"";
    AppendEscaped(text, value, true);
    text += '"';
  }
  return text;
}

std::string NumberText(double v) {
  if (std::isnan(v)) {
    return "NaN";
  }
  if (std::isinf(v)) {
    return v > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{}", v);
}

void AppendSample(std::string& out, std::string_view name, std::string_view suffix,
                  std::string_view labels, std::string_view more, std::string_view value) {
  out += name;
  out += suffix;
  if (!labels.empty() || !more.empty()) {
    const std::string_view comma = labels.empty() || more.empty() ? "" : ",";
    fmt::format_to(std::back_inserter(out), "{{{}{}{}}}", labels, comma, more);
  }
  fmt::format_to(std::back_inserter(out), " {}\n", value);
}

void AppendHistogram(std::string& out, std::string_view name, std::string_view labels,
                     const Histogram& histogram) {
  const std::vector<uint64_t> counts = histogram.bucket_counts();
  uint64_t sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    const std::string bound =
        i < Histogram::Bounds().size() ? NumberText(Histogram::Bounds()[i]) : "+Inf";
    AppendSample(out, name, "_bucket", labels, fmt::format("le=\"{}\"", bound),
                 fmt::format("{}", sum));
  }
  AppendSample(out, name, "_sum", labels, "", NumberText(histogram.sum_seconds()));
  AppendSample(out, name, "_count", labels, "", fmt::format("{}", sum));
}

std::string_view KindName(Kind kind) {
  return kind == Kind::kCounter ? "counter" : kind == Kind::kGauge ? "gauge" : "histogram";
}

}  // namespace

struct Metrics::Impl {
  mutable Mutex mu;
  std::map<std::string, Family, std::less<>> families GUARDED_BY(mu);

  Series& Find(std::string_view name, std::string_view help, Labels labels, Kind kind)
      REQUIRES(mu) {
    HOEGO_CHECK(IsName(name, true));
    const auto [family, fresh] = families.try_emplace(std::string(name));
    if (fresh) {
      family->second.help = help;
      family->second.kind = kind;
    }
    HOEGO_CHECK(family->second.kind == kind);
    Series& series = family->second.series[LabelText(labels)];
    series.labels = std::move(labels);
    return series;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  MutexLock lock(impl_->mu);
  Series& series = impl_->Find(name, help, std::move(labels), Kind::kCounter);
  if (!series.counter) {
    series.counter = std::make_unique<Counter>();
  }
  return *series.counter;
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  MutexLock lock(impl_->mu);
  Series& series = impl_->Find(name, help, std::move(labels), Kind::kGauge);
  if (!series.gauge) {
    series.gauge = std::make_unique<Gauge>();
  }
  return *series.gauge;
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, Labels labels) {
  MutexLock lock(impl_->mu);
  Series& series = impl_->Find(name, help, std::move(labels), Kind::kHistogram);
  if (!series.histogram) {
    series.histogram = std::make_unique<Histogram>();
  }
  return *series.histogram;
}

void Metrics::Observe(std::string_view name, std::string_view help, Labels labels,
                      std::function<double()> read) {
  MutexLock lock(impl_->mu);
  if (read) {
    impl_->Find(name, help, std::move(labels), Kind::kGauge).read = std::move(read);
    return;
  }
  const auto family = impl_->families.find(name);
  if (family == impl_->families.end()) {
    return;
  }
  const auto series = family->second.series.find(LabelText(labels));
  if (series != family->second.series.end() && series->second.read) {
    family->second.series.erase(series);
  }
  if (family->second.series.empty()) {
    impl_->families.erase(family);
  }
}

std::string Metrics::PrometheusText() const {
  MutexLock lock(impl_->mu);
  std::string out;
  for (const auto& [name, family] : impl_->families) {
    fmt::format_to(std::back_inserter(out), "# HELP {} ", name);
    AppendEscaped(out, family.help, false);
    fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name, KindName(family.kind));
    for (const auto& [labels, series] : family.series) {
      if (series.histogram) {
        AppendHistogram(out, name, labels, *series.histogram);
      } else if (series.counter) {
        AppendSample(out, name, "", labels, "", fmt::format("{}", series.counter->value()));
      } else if (series.read) {
        AppendSample(out, name, "", labels, "", NumberText(series.read()));
      } else if (series.gauge) {
        AppendSample(out, name, "", labels, "", NumberText(series.gauge->value()));
      }
    }
  }
  return out;
}

Metrics& Metrics::Global() {
  // Never destroyed: threads and other globals count until the very end.
  static Metrics& metrics = *std::make_unique<Metrics>().release();
  return metrics;
}

}  // namespace hoego
