#include "tracking/internal/run_names.h"

#include <fmt/format.h>

#include <array>

#include "base/random.h"

namespace hoego::tracking::internal {
namespace {

constexpr std::array<std::string_view, 24> kAdjectives = {
    "amber",  "brave", "calm",  "clear", "deft",  "eager", "early",  "fair",
    "gentle", "glad",  "keen",  "late",  "light", "merry", "nimble", "plain",
    "quick",  "quiet", "rapid", "ready", "sharp", "shy",   "steady", "warm"};
constexpr std::array<std::string_view, 24> kNouns = {
    "badger", "birch", "brook", "cedar", "crane",  "finch", "fox",     "hare",
    "heron",  "lark",  "lynx",  "maple", "marten", "otter", "owl",     "pine",
    "plum",   "reed",  "river", "robin", "seal",   "stone", "swallow", "willow"};

}  // namespace

std::string InventRunName(std::string_view run_id) {
  Rng rng(HashBytes(run_id));
  const auto adjective = kAdjectives[rng.Below(kAdjectives.size())];
  const auto noun = kNouns[rng.Below(kNouns.size())];
  return fmt::format("{}-{}-{}", adjective, noun, 100 + rng.Below(900));
}

}  // namespace hoego::tracking::internal
