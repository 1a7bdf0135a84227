#include "serving/recommend.h"

#include "base/json.h"
#include "events/limits.h"

namespace hoego::serving {
namespace {

constexpr uint32_t kMaxItems = 1'000;
constexpr size_t kMaxListed = 10'000;
constexpr size_t kMaxCategories = 100;
constexpr size_t kMaxContextBytes = 4096;

Status CheckContext(std::string_view context) {
  if (context.empty() || context == "{}") {
    return {};
  }
  if (context.size() > kMaxContextBytes) {
    return Status::InvalidArgument(fmt::format("context: expected at most {} bytes, got {}",
                                               kMaxContextBytes, context.size()));
  }
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef value, parser.Parse(context));
  if (!value.is_object()) {
    return Status::InvalidArgument(
        fmt::format("context: expected an object, got {}", value.kind_name()));
  }
  return {};
}

Status CheckSize(std::string_view field, size_t size, size_t most) {
  if (size > most) {
    return Status::InvalidArgument(
        fmt::format("{}: expected at most {} entries, got {}", field, most, size));
  }
  return {};
}

}  // namespace

Status CheckRequest(const RecommendRequest& r) {
  if (r.n < 1 || r.n > kMaxItems) {
    return Status::InvalidArgument(fmt::format("n: expected 1..{}, got {}", kMaxItems, r.n));
  }
  if (r.unit.empty() || r.unit.size() > events::kMaxUnitBytes) {
    return Status::InvalidArgument(
        fmt::format("unit: expected 1..{} bytes, got {}", events::kMaxUnitBytes, r.unit.size()));
  }
  if (r.deadline.has_value() && r.deadline->count() < 1) {
    return Status::InvalidArgument(
        fmt::format("deadline: expected at least 1 ms, got {}", r.deadline->count()));
  }
  HOEGO_TRY(CheckSize("exclude", r.exclude.size(), kMaxListed));
  HOEGO_TRY(CheckSize("candidates", r.candidates.size(), kMaxListed));
  HOEGO_TRY(CheckSize("filter.categories", r.categories.size(), kMaxCategories));
  return CheckContext(r.context);
}

}  // namespace hoego::serving
