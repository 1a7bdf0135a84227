#include "datasets/from_files.h"

#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "base/line_reader.h"
#include "base/text.h"
#include "datasets/internal/builder.h"

namespace hoego::datasets {
namespace {

using internal::Builder;

// A failure of `take` gets the file and the line in front.
Status ForEachLine(const std::string& path,
                   const std::function<Status(std::string_view line, uint64_t number)>& take) {
  HOEGO_TRY_ASSIGN(LineReader reader, LineReader::Open(path));
  while (true) {
    HOEGO_TRY_ASSIGN(const std::optional<std::string_view> line, reader.Next());
    if (!line) {
      return {};
    }
    if (!Trim(*line).empty()) {
      HOEGO_TRY(take(*line, reader.line_number())
                    .Within(fmt::format("{}:{}", path, reader.line_number())));
    }
  }
}

Result<uint32_t> ParseUnit(std::string_view text) {
  const auto unit = ParseInt(Trim(text));
  if (!unit || *unit < 0 || *unit >= std::numeric_limits<uint32_t>::max()) {
    return Status::InvalidArgument(
        fmt::format("unit \"{}\": expected a whole number of 0..2^32-2", text));
  }
  return static_cast<uint32_t>(*unit);
}

std::string Source(std::string_view kind, std::initializer_list<std::string> paths) {
  JsonWriter w;
  w.BeginObject().Field("made_from", kind).Key("files").BeginArray();
  for (const std::string& path : paths) {
    // The name alone: where a file lay does not matter and may be private.
    w.String(std::string_view(path).substr(path.find_last_of('/') + 1));
  }
  w.EndArray().EndObject();
  return w.Take();
}

Result<Dataset> Finish(Builder& builder, std::string source, const std::string& path) {
  if (builder.samples() == 0) {
    return Status::InvalidArgument(path + ": no samples in it");
  }
  return builder.Finish(std::move(source));
}

// The blank-separated words of a line, empty ones left out.
template <class Visit>
void ForEachWord(std::string_view line, const Visit& visit) {
  for (size_t at = line.find_first_not_of(" \t\r"); at != std::string_view::npos;) {
    const size_t end = line.find_first_of(" \t\r", at);
    visit(line.substr(at, end - at));
    at = end == std::string_view::npos ? end : line.find_first_not_of(" \t\r", end);
  }
}

Status AddLists(const std::string& path, std::optional<Part> part, Builder& builder) {
  return ForEachLine(path, [&](std::string_view line, uint64_t) -> Status {
    std::optional<uint32_t> row;
    int64_t place = 0;
    Status status;
    ForEachWord(line, [&](std::string_view word) {
      if (!row && status.ok()) {
        const auto unit = ParseUnit(word);
        status = unit.status();
        row = unit.ok() ? std::optional(builder.Row(*unit)) : std::nullopt;
      } else if (row && part) {
        builder.Add(*row, builder.Column(word), 1, 0, *part);
      } else if (row) {
        builder.Add(*row, builder.Column(word), 1, place++);
      }
    });
    return status;
  });
}

}  // namespace

Dataset FromPairs(const std::vector<Pair>& pairs, std::string source_json) {
  Builder builder;
  for (const Pair& p : pairs) {
    const uint32_t row = builder.Row(p.unit);
    builder.Add(row, builder.Column(p.item), p.weight, p.time_ms);
  }
  return builder.Finish(std::move(source_json));
}

Result<Dataset> FromRatings(const std::string& path, double min_rating) {
  Builder builder;
  HOEGO_TRY(ForEachLine(path, [&](std::string_view line, uint64_t) -> Status {
    const auto fields = hoego::Split(line, '\t');
    if (fields.size() != 4) {
      return Status::InvalidArgument(
          fmt::format("expected 4 fields separated by tabs, got {}", fields.size()));
    }
    HOEGO_TRY_ASSIGN(const uint32_t unit, ParseUnit(fields[0]));
    const auto rating = ParseDouble(Trim(fields[2]));
    const auto seconds = ParseInt(Trim(fields[3]));
    if (!rating || !seconds) {
      return Status::InvalidArgument("expected a number as rating and whole seconds as time");
    }
    if (*rating >= min_rating) {
      const uint32_t row = builder.Row(unit);
      builder.Add(row, builder.Column(Trim(fields[1])), 1, *seconds * 1000);
    }
    return {};
  }));
  return Finish(builder, Source("ratings", {path}), path);
}

Result<Dataset> FromSequences(const std::string& path) {
  Builder builder;
  HOEGO_TRY(AddLists(path, std::nullopt, builder));
  return Finish(builder, Source("sequences", {path}), path);
}

Result<Dataset> FromPairsFile(const std::string& path) {
  Builder builder;
  HOEGO_TRY(ForEachLine(path, [&](std::string_view line, uint64_t number) -> Status {
    std::vector<std::string_view> words;
    ForEachWord(line, [&](std::string_view word) { words.push_back(word); });
    if (words.size() != 2) {
      return Status::InvalidArgument(
          fmt::format("expected a unit and an item, got {} words", words.size()));
    }
    HOEGO_TRY_ASSIGN(const uint32_t unit, ParseUnit(words[0]));
    const uint32_t row = builder.Row(unit);
    builder.Add(row, builder.Column(words[1]), 1, static_cast<int64_t>(number));
    return {};
  }));
  return Finish(builder, Source("pairs", {path}), path);
}

Result<Dataset> FromGivenLists(const std::string& train_path, const std::string& test_path) {
  Builder builder;
  HOEGO_TRY(AddLists(train_path, Part::kTrain, builder));
  HOEGO_TRY(AddLists(test_path, Part::kTest, builder));
  return Finish(builder, Source("given_lists", {train_path, test_path}), train_path);
}

}  // namespace hoego::datasets
