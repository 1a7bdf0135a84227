#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace hoego::app {

// One real event of a MovieLens user.
struct RealEvent {
  std::string item;
  double rating = 0;
  int64_t time_ms = 0;  // as recorded
};

// A user: what the log may know of her, and what is hidden, a half for each cycle.
struct RealUser {
  std::string id;
  std::vector<RealEvent> history;      // the first 60 % by time
  std::vector<std::string> hidden[2];  // items of the rest: the earlier half, the later half
};

struct RealItem {
  std::string id;
  std::string title;
  std::vector<std::string> genres;
};

struct DemoData {
  std::vector<RealUser> users;
  std::vector<RealItem> items;
  int64_t newest_history_ms = 0;
};

// Reads FILE.inter (RecBole's tab form of MovieLens), u.data, ratings.csv or ratings.dat with the item file beside it,
// and cuts each user's events by time. Ties keep the file's order.
Result<DemoData> ReadDemoData(const std::string& path, double history_share);

}  // namespace hoego::app
