#include "base/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"

namespace hoego {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(CounterTest, LosesNoIncrementOfAnyThread) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&counter] {
      for (int i = 0; i < 10'000; ++i) {
        counter.Add();
      }
      counter.Add(5);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(counter.value(), 12U * 10'005U);
}

TEST(GaugeTest, SetsAndAdds) {
  Gauge gauge;
  gauge.Set(2.5);
  gauge.Add(-4);
  EXPECT_EQ(gauge.value(), -1.5);
}

TEST(HistogramTest, BoundsAreAscendingAndHoldThoseOfOpenTelemetry) {
  const std::vector<double>& bounds = Histogram::Bounds();
  EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
  EXPECT_EQ(std::adjacent_find(bounds.begin(), bounds.end()), bounds.end());
  // Advised for http.server.request.duration by OpenTelemetry's semantic conventions.
  for (const double advised :
       {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0}) {
    EXPECT_TRUE(std::binary_search(bounds.begin(), bounds.end(), advised)) << advised;
  }
  EXPECT_EQ(bounds.front(), 1e-5);
}

TEST(HistogramTest, AnUpperBoundBelongsToItsBucket) {
  Histogram histogram;
  for (const double bound : Histogram::Bounds()) {
    histogram.Observe(nanoseconds(std::llround(bound * 1e9)));
  }
  const std::vector<uint64_t> counts = histogram.bucket_counts();
  ASSERT_EQ(counts.size(), Histogram::Bounds().size() + 1);
  EXPECT_TRUE(std::all_of(counts.begin(), counts.end() - 1, [](uint64_t n) { return n == 1; }));
  EXPECT_EQ(counts.back(), 0U);
  histogram.Observe(nanoseconds(10'000'000'001));
  histogram.Observe(nanoseconds(-5));  // a clock that went back counts as no time
  EXPECT_EQ(histogram.bucket_counts().back(), 1U);
  EXPECT_EQ(histogram.bucket_counts().front(), 2U);
}

// By hand: 4 observations in (0.1, 0.25], 6 in (0.25, 0.5]. Rank of the median is 5, one sixth into
// the second bucket.
TEST(HistogramTest, QuantilesAreLinearInsideTheirBucket) {
  Histogram histogram;
  EXPECT_TRUE(std::isnan(histogram.Quantile(0.5)));
  for (int i = 0; i < 4; ++i) {
    histogram.Observe(milliseconds(200));
  }
  for (int i = 0; i < 6; ++i) {
    histogram.Observe(milliseconds(300));
  }
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.5), 0.25 + 0.25 / 6);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.4), 0.25);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0.2), 0.1 + 0.15 / 2);
  EXPECT_DOUBLE_EQ(histogram.Quantile(1), 0.5);
  EXPECT_DOUBLE_EQ(histogram.Quantile(0), 0.1);
  EXPECT_TRUE(std::isnan(histogram.Quantile(std::nan(""))));
  EXPECT_EQ(histogram.count(), 10U);
  EXPECT_DOUBLE_EQ(histogram.sum_seconds(), 2.6);
}

TEST(HistogramTest, TheFirstBucketBeginsAtZeroAndTheLastHasNoEnd) {
  Histogram fast;
  fast.Observe(microseconds(5));
  EXPECT_DOUBLE_EQ(fast.Quantile(0.5), 0.5e-5);
  Histogram slow;
  slow.Observe(seconds(100));
  EXPECT_EQ(slow.Quantile(0.5), 10.0);
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameObject) {
  Metrics metrics;
  Counter& a = metrics.counter("hoego_x_total", "X.", {{"kind", "a"}});
  Counter& b = metrics.counter("hoego_x_total", "X.", {{"kind", "b"}});
  EXPECT_NE(&a, &b);
  EXPECT_EQ(&a, &metrics.counter("hoego_x_total", "other words", {{"kind", "a"}}));
  EXPECT_EQ(&metrics.gauge("g", ""), &metrics.gauge("g", ""));
  EXPECT_EQ(&metrics.histogram("h", ""), &metrics.histogram("h", ""));
}

// The text format 0.0.4, escapes included (prometheus.io, "Exposition formats").
TEST(MetricsTest, WritesPrometheusText) {
  Metrics metrics;
  metrics.counter("hoego_events_total", "Events stored.", {{"type", "wa\"tch\\\n"}}).Add(3);
  metrics.counter("hoego_events_total", "Events stored.", {{"type", "like"}, {"kind", "event"}})
      .Add(2);
  metrics.gauge("hoego_queue_rows", "Rows\\waiting\nnow.").Set(-0.5);
  metrics.gauge("hoego_nan", "n").Set(std::nan(""));
  metrics.gauge("hoego_inf", "i").Set(-HUGE_VAL);
  double age = 7;
  metrics.Observe("hoego_age_seconds", "Age.", {}, [&age] { return age; });
  const std::string expected =
      "# HELP hoego_age_seconds Age.\n"
      "# TYPE hoego_age_seconds gauge\n"
      "hoego_age_seconds 7\n"
      "# HELP hoego_events_total Events stored.\n"
      "# TYPE hoego_events_total counter\n"
      "hoego_events_total{type=\"like\",kind=\"event\"} 2\n"
      "hoego_events_total{type=\"wa\\\"tch\\\\\\n\"} 3\n"
      "# HELP hoego_inf i\n"
      "# TYPE hoego_inf gauge\n"
      "hoego_inf -Inf\n"
      "# HELP hoego_nan n\n"
      "# TYPE hoego_nan gauge\n"
      "hoego_nan NaN\n"
      "# HELP hoego_queue_rows Rows\\\\waiting\\nnow.\n"
      "# TYPE hoego_queue_rows gauge\n"
      "hoego_queue_rows -0.5\n";
  EXPECT_EQ(metrics.PrometheusText(), expected);
  age = 8;
  EXPECT_NE(metrics.PrometheusText().find("hoego_age_seconds 8\n"), std::string::npos);
}

TEST(MetricsTest, WritesHistogramsCumulatively) {
  Metrics metrics;
  Histogram& histogram =
      metrics.histogram("hoego_request_duration_seconds", "Time.", {{"path", "/v1"}});
  histogram.Observe(milliseconds(1));
  histogram.Observe(milliseconds(60));
  histogram.Observe(seconds(60));
  const std::string text = metrics.PrometheusText();
  const std::vector<std::string_view> lines = Split(text, '\n');
  ASSERT_EQ(lines.size(), 2 + Histogram::Bounds().size() + 1 + 2 + 1);
  EXPECT_EQ(lines[1], "# TYPE hoego_request_duration_seconds histogram");
  EXPECT_EQ(lines[2], "hoego_request_duration_seconds_bucket{path=\"/v1\",le=\"1e-05\"} 0");
  EXPECT_NE(text.find("_bucket{path=\"/v1\",le=\"0.001\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("_bucket{path=\"/v1\",le=\"0.05\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("_bucket{path=\"/v1\",le=\"0.075\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("_bucket{path=\"/v1\",le=\"10\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("_bucket{path=\"/v1\",le=\"+Inf\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("_sum{path=\"/v1\"} 60.061\n"), std::string::npos);
  EXPECT_NE(text.find("_count{path=\"/v1\"} 3\n"), std::string::npos);
}

TEST(MetricsTest, AnObservedGaugeIsTakenAwayByAnEmptyFunction) {
  Metrics metrics;
  metrics.Observe("hoego_size", "Size.", {}, [] { return 1.0; });
  metrics.Observe("hoego_size", "Size.", {}, nullptr);
  EXPECT_EQ(metrics.PrometheusText(), "");
}

TEST(MetricsTest, MayBeScrapedWhileThreadsCount) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics, t] {
      for (int i = 0; i < 200; ++i) {
        metrics.counter("c_total", "", {{"t", std::to_string(t)}}).Add();
        metrics.histogram("h", "").Observe(microseconds(i));
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    metrics.PrometheusText();
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_NE(metrics.PrometheusText().find("h_count 800\n"), std::string::npos);
}

TEST(MetricsDeathTest, ANameOfTwoKindsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Metrics metrics;
  metrics.counter("x_total", "");
  EXPECT_DEATH(metrics.gauge("x_total", ""), "check failed");
  EXPECT_DEATH(metrics.gauge("bad name", ""), "check failed");
  EXPECT_DEATH(metrics.gauge("x", "", {{"le", "1"}}), "check failed");
}

}  // namespace
}  // namespace hoego
