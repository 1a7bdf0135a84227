#include "app/demo_data.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/line_reader.h"
#include "base/text.h"

namespace hoego::app {
namespace {

struct Rating {
  std::string user;
  RealEvent event;
};

std::vector<std::string_view> Fields(std::string_view line) {
  if (line.find("::") != std::string_view::npos) {
    std::vector<std::string_view> fields;
    size_t at = 0;
    while (true) {
      const size_t end = line.find("::", at);
      fields.push_back(line.substr(at, end == std::string_view::npos ? end : end - at));
      if (end == std::string_view::npos) {
        return fields;
      }
      at = end + 2;
    }
  }
  return Split(line, line.find('\t') != std::string_view::npos ? '\t' : ',');
}

Result<std::vector<Rating>> ReadRatings(const std::string& path) {
  HOEGO_TRY_ASSIGN(LineReader reader, LineReader::Open(path));
  std::vector<Rating> ratings;
  while (true) {
    HOEGO_TRY_ASSIGN(const auto line, reader.Next());
    if (!line) {
      return ratings;
    }
    const auto fields = Fields(*line);
    const auto rating = fields.size() >= 4 ? ParseDouble(fields[2]) : std::nullopt;
    const auto seconds = fields.size() >= 4 ? ParseDouble(Trim(fields[3])) : std::nullopt;
    if (!rating || !seconds) {
      if (reader.line_number() == 1) {
        continue;  // the header
      }
      return Status::InvalidArgument(fmt::format("{} line {}: expected user, item, rating, Unix seconds", path,
                                                 reader.line_number()));
    }
    ratings.push_back({std::string(fields[0]),
                       {std::string(fields[1]), *rating, static_cast<int64_t>(std::llround(*seconds * 1000))}});
  }
}

// FILE.inter → FILE.item: item_id, title, year, genres separated by blanks.
Result<std::vector<RealItem>> ReadItems(const std::string& path) {
  std::vector<RealItem> items;
  if (!std::filesystem::exists(path)) {
    return items;
  }
  HOEGO_TRY_ASSIGN(LineReader reader, LineReader::Open(path));
  while (true) {
    HOEGO_TRY_ASSIGN(const auto line, reader.Next());
    if (!line) {
      return items;
    }
    const auto fields = Split(*line, '\t');
    if (reader.line_number() == 1 || fields.size() < 4) {
      continue;
    }
    RealItem item{std::string(fields[0]), IsValidUtf8(fields[1]) ? std::string(fields[1]) : Latin1ToUtf8(fields[1]), {}};
    for (const auto genre : Split(fields[3], ' ')) {
      if (!genre.empty()) {
        item.genres.emplace_back(genre);
      }
    }
    if (!fields[2].empty()) {
      item.title += fmt::format(" ({})", fields[2]);
    }
    items.push_back(std::move(item));
  }
}

}  // namespace

Result<DemoData> ReadDemoData(const std::string& path, double history_share) {
  HOEGO_TRY_ASSIGN(std::vector<Rating> ratings, ReadRatings(path));
  std::stable_sort(ratings.begin(), ratings.end(),
                   [](const Rating& a, const Rating& b) { return a.event.time_ms < b.event.time_ms; });
  std::map<std::string, std::vector<RealEvent>> by_user;
  for (Rating& r : ratings) {
    by_user[r.user].push_back(std::move(r.event));
  }
  DemoData data;
  for (auto& [id, events] : by_user) {
    RealUser user;
    user.id = id;
    const auto kept = static_cast<size_t>(std::floor(history_share * static_cast<double>(events.size())));
    const size_t half = kept + (events.size() - kept) / 2;
    for (size_t i = 0; i < events.size(); ++i) {
      if (i < kept) {
        data.newest_history_ms = std::max(data.newest_history_ms, events[i].time_ms);
        user.history.push_back(std::move(events[i]));
      } else {
        user.hidden[i < half ? 0 : 1].push_back(std::move(events[i].item));
      }
    }
    data.users.push_back(std::move(user));
  }
  if (data.users.empty()) {
    return Status::InvalidArgument(fmt::format("{}: no events", path));
  }
  HOEGO_TRY_ASSIGN(data.items, ReadItems(std::filesystem::path(path).replace_extension(".item").string()));
  return data;
}

}  // namespace hoego::app
