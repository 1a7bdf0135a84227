// GroupLens' own files and recbole's copies of them.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "events/internal/import_rows.h"

namespace hoego::events {
namespace {

// The 19 flags at the end of a line of ML-100K's u.item, in order (its u.genre file).
constexpr std::array<std::string_view, 19> kGenres100k = {
    "unknown",     "Action", "Adventure", "Animation", "Children's", "Comedy",  "Crime",
    "Documentary", "Drama",  "Fantasy",   "Film-Noir", "Horror",     "Musical", "Mystery",
    "Romance",     "Sci-Fi", "Thriller",  "War",       "Western"};

std::vector<std::string_view> SplitBy(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + separator.size());
  }
}

Status WrongFields(size_t got, std::string_view expected) {
  return Status::InvalidArgument(fmt::format("{} fields, expected {}", got, expected));
}

// Ratings with a fixed order of columns.
class RatingParser final : public RowParser {
 public:
  struct Shape {
    std::string separator;
    bool quoted = false;  // RFC 4180
    bool header = false;
    size_t unit = 0, item = 1, value = 2;
    std::optional<size_t> time = 3;
    size_t fields = 4;
  };
  RatingParser(Shape shape, std::string type) : shape_(std::move(shape)), type_(std::move(type)) {}

  Status Parse(std::string_view line, ImportedRow& row) override {
    if ((shape_.header && std::exchange(first_, false)) || Trim(line).empty()) {
      row.kind = ImportedRow::Kind::kNothing;
      return {};
    }
    std::vector<std::string> owned;
    std::vector<std::string_view> fields;
    if (shape_.quoted) {
      HOEGO_TRY_ASSIGN(owned, ParseCsvLine(line));
      fields.assign(owned.begin(), owned.end());
    } else {
      fields = SplitBy(line, shape_.separator);
    }
    if (fields.size() < shape_.fields) {
      return WrongFields(fields.size(), fmt::format("{}", shape_.fields));
    }
    row.kind = ImportedRow::Kind::kEvent;
    row.type = type_;
    row.unit = Trim(fields[shape_.unit]);
    row.item = Trim(fields[shape_.item]);
    row.value = ParseDouble(Trim(fields[shape_.value]));
    if (!row.value) {
      return Status::InvalidArgument(
          fmt::format("rating \"{}\": expected a number", fields[shape_.value]));
    }
    if (shape_.time) {
      HOEGO_TRY_ASSIGN(row.time, ParseImportedTime(Trim(fields[*shape_.time])));
    }
    // The same for every file of ratings, so that u.data and its .inter copy are the same events.
    row.id = fmt::format("movielens:{}:{}:{}", row.unit, row.item,
                         row.time ? ToUnixMillis(*row.time) : 0);
    row.made_id = true;
    return {};
  }

 private:
  const Shape shape_;
  const std::string type_;
  bool first_ = true;
};

// Films: an id, a title, genres.
class ItemParser final : public RowParser {
 public:
  struct Shape {
    std::string separator;
    bool quoted = false;
    bool header = false;
    bool latin1 = false;
    size_t item = 0, title = 1;
    std::optional<size_t> genres = 2;
    std::optional<size_t> year;
    char genre_separator = '|';
    bool flags = false;  // u.item: 19 columns of 0 and 1 instead of names
    size_t fields = 3;
  };
  explicit ItemParser(Shape shape) : shape_(std::move(shape)) {}

  Status Parse(std::string_view line, ImportedRow& row) override {
    if ((shape_.header && std::exchange(first_, false)) || Trim(line).empty()) {
      row.kind = ImportedRow::Kind::kNothing;
      return {};
    }
    const std::string utf8 = shape_.latin1 ? Latin1ToUtf8(line) : std::string(line);
    std::vector<std::string> owned;
    std::vector<std::string_view> fields;
    if (shape_.quoted) {
      HOEGO_TRY_ASSIGN(owned, ParseCsvLine(utf8));
      fields.assign(owned.begin(), owned.end());
    } else {
      fields = SplitBy(utf8, shape_.separator);
    }
    if (fields.size() < shape_.fields) {
      return WrongFields(fields.size(), fmt::format("{}", shape_.fields));
    }
    row.kind = ImportedRow::Kind::kItem;
    row.item = Trim(fields[shape_.item]);
    row.title = Trim(fields[shape_.title]);
    row.year = shape_.year ? std::string(Trim(fields[*shape_.year])) : std::string();
    row.categories.clear();
    return shape_.flags ? TakeFlags(fields, row) : TakeNames(fields, row);
  }

 private:
  Status TakeNames(const std::vector<std::string_view>& fields, ImportedRow& row) const {
    if (!shape_.genres) {
      return {};
    }
    for (const std::string_view genre : Split(fields[*shape_.genres], shape_.genre_separator)) {
      if (const std::string_view name = Trim(genre);
          !name.empty() && name != "(no genres listed)") {
        row.categories.emplace_back(name);
      }
    }
    return {};
  }
  static Status TakeFlags(const std::vector<std::string_view>& fields, ImportedRow& row) {
    const size_t first = fields.size() - kGenres100k.size();
    for (size_t g = 0; g < kGenres100k.size(); ++g) {
      const std::string_view flag = Trim(fields[first + g]);
      if (flag != "0" && flag != "1") {
        return Status::InvalidArgument(fmt::format("genre flag \"{}\": expected 0 or 1", flag));
      }
      if (flag == "1") {
        row.categories.emplace_back(kGenres100k[g]);
      }
    }
    return {};
  }

  const Shape shape_;
  bool first_ = true;
};

// Where a recbole column, such as "item_id:token", stands.
std::optional<size_t> ColumnAt(const std::vector<std::string_view>& header, std::string_view name) {
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i].substr(0, header[i].find(':')) == name) {
      return i;
    }
  }
  return std::nullopt;
}

Result<std::unique_ptr<RowParser>> MakeRecboleParser(std::string_view first_line,
                                                     const ImportOptions& options) {
  const auto header = SplitBy(first_line, "\t");
  const auto item = ColumnAt(header, "item_id");
  const auto unit = ColumnAt(header, "user_id");
  const auto rating = ColumnAt(header, "rating");
  const auto title = ColumnAt(header, "movie_title");
  if (item && unit && rating) {
    return std::unique_ptr<RowParser>(std::make_unique<RatingParser>(
        RatingParser::Shape{"\t", false, true, *unit, *item, *rating, ColumnAt(header, "timestamp"),
                            header.size()},
        options.type));
  }
  if (item && title) {
    ItemParser::Shape shape;
    shape.separator = "\t";
    shape.header = true;
    shape.item = *item;
    shape.title = *title;
    shape.genres = ColumnAt(header, "class");
    if (!shape.genres) {
      shape.genres = ColumnAt(header, "genre");
    }
    shape.year = ColumnAt(header, "release_year");
    shape.genre_separator = ' ';
    shape.fields = header.size();
    return std::unique_ptr<RowParser>(std::make_unique<ItemParser>(std::move(shape)));
  }
  return Status::InvalidArgument(
      "header: expected the columns user_id, item_id and rating, or item_id and movie_title");
}

bool AllNumbers(const std::vector<std::string_view>& fields) {
  return std::all_of(fields.begin(), fields.end(),
                     [](std::string_view f) { return ParseDouble(Trim(f)).has_value(); });
}

template <class Parser, class... Args>
std::unique_ptr<RowParser> Make(typename Parser::Shape shape, Args&&... args) {
  return std::make_unique<Parser>(std::move(shape), std::forward<Args>(args)...);
}

}  // namespace

Result<std::unique_ptr<RowParser>> MakeMovieLensParser(std::string_view first_line,
                                                       const ImportOptions& options) {
  if (first_line.starts_with("\xef\xbb\xbf")) {
    first_line.remove_prefix(3);
  }
  if (first_line.find("_id:token") != std::string_view::npos) {
    return MakeRecboleParser(first_line, options);
  }
  if (first_line.starts_with("userId,movieId,rating")) {
    return Make<RatingParser>({"", true, true}, options.type);
  }
  ItemParser::Shape item;
  if (first_line.starts_with("movieId,title")) {
    item.quoted = item.header = true;
    return Make<ItemParser>(std::move(item));
  }
  if (const auto fields = SplitBy(first_line, "::"); fields.size() >= 3) {
    if (fields.size() == 4 && AllNumbers(fields)) {
      return Make<RatingParser>({"::"}, options.type);
    }
    item.separator = "::";
    item.latin1 = true;
    return Make<ItemParser>(std::move(item));
  }
  if (const auto fields = SplitBy(first_line, "\t"); fields.size() == 4 && AllNumbers(fields)) {
    return Make<RatingParser>({"\t"}, options.type);
  }
  if (const auto fields = SplitBy(first_line, "|"); fields.size() == 24) {
    item.separator = "|";
    item.latin1 = item.flags = true;
    item.genres.reset();
    item.fields = 24;
    return Make<ItemParser>(std::move(item));
  }
  return Status::InvalidArgument(
      "first line: not a MovieLens file (.inter, .item, u.data, u.item, ratings.csv, movies.csv, "
      "ratings.dat, "
      "movies.dat)");
}

}  // namespace hoego::events
