#include "base/json.h"

#include <simdjson.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/internal/utf8.h"

namespace hoego {

namespace dom = simdjson::dom;

struct JsonAccess {
  static_assert(sizeof(dom::element) == sizeof(JsonRef::raw_) &&
                std::is_trivially_copyable_v<dom::element>);
  static JsonRef Wrap(const dom::element& e) {
    JsonRef ref;
    std::memcpy(ref.raw_, &e, sizeof(e));
    return ref;
  }
  static dom::element Unwrap(const JsonRef& ref) {
    dom::element e;
    std::memcpy(static_cast<void*>(&e), ref.raw_, sizeof(e));
    return e;
  }
};

namespace {

constexpr size_t kMaxDepth = 64;

dom::element E(const JsonRef& ref) {
  return JsonAccess::Unwrap(ref);
}

Status WrongKind(std::string_view key, std::string_view expected,
                 const std::optional<JsonRef>& got) {
  return Status::InvalidArgument(fmt::format("field \"{}\": expected {}, got {}", key, expected,
                                             got ? got->kind_name() : "nothing"));
}

}  // namespace

JsonRef::Kind JsonRef::kind() const {
  switch (E(*this).type()) {
    case dom::element_type::NULL_VALUE:
      return Kind::kNull;
    case dom::element_type::BOOL:
      return Kind::kBool;
    case dom::element_type::INT64:
      return Kind::kInt;
    case dom::element_type::UINT64:
      return Kind::kUint;
    case dom::element_type::DOUBLE:
      return Kind::kDouble;
    case dom::element_type::STRING:
      return Kind::kString;
    case dom::element_type::ARRAY:
      return Kind::kArray;
    case dom::element_type::OBJECT:
      return Kind::kObject;
  }
  return Kind::kNull;
}

std::string_view JsonRef::kind_name() const {
  constexpr std::array<std::string_view, 8> kNames = {"null",   "boolean", "number", "number",
                                                      "number", "string",  "array",  "object"};
  return kNames[static_cast<size_t>(kind())];
}

std::optional<bool> JsonRef::AsBool() const {
  bool value = false;
  return E(*this).get(value) == simdjson::SUCCESS ? std::optional<bool>(value) : std::nullopt;
}

std::optional<int64_t> JsonRef::AsInt() const {
  int64_t value = 0;
  if (E(*this).get(value) == simdjson::SUCCESS) {
    return value;
  }
  double d = 0;
  if (kind() == Kind::kDouble && E(*this).get(d) == simdjson::SUCCESS && std::abs(d) < 0x1p53 &&
      d == std::floor(d)) {
    return static_cast<int64_t>(d);
  }
  return std::nullopt;
}

std::optional<double> JsonRef::AsDouble() const {
  double value = 0;
  return E(*this).get(value) == simdjson::SUCCESS ? std::optional<double>(value) : std::nullopt;
}

std::optional<std::string_view> JsonRef::AsString() const {
  std::string_view value;
  return E(*this).get(value) == simdjson::SUCCESS ? std::optional<std::string_view>(value)
                                                  : std::nullopt;
}

std::optional<JsonRef> JsonRef::Find(std::string_view key) const {
  dom::object object;
  dom::element value;
  if (E(*this).get(object) != simdjson::SUCCESS ||
      object.at_key(key).get(value) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  return JsonAccess::Wrap(value);
}

size_t JsonRef::size() const {
  dom::object object;
  dom::array array;
  if (E(*this).get(object) == simdjson::SUCCESS) {
    return object.size();
  }
  return E(*this).get(array) == simdjson::SUCCESS ? array.size() : 0;
}

Status JsonRef::ForEachField(const std::function<Status(std::string_view, JsonRef)>& visit) const {
  dom::object object;
  if (E(*this).get(object) != simdjson::SUCCESS) {
    return Status::InvalidArgument(fmt::format("expected an object, got {}", kind_name()));
  }
  for (const auto field : object) {
    HOEGO_TRY(visit(field.key, JsonAccess::Wrap(field.value)));
  }
  return {};
}

Status JsonRef::ForEachElement(const std::function<Status(JsonRef)>& visit) const {
  dom::array array;
  if (E(*this).get(array) != simdjson::SUCCESS) {
    return Status::InvalidArgument(fmt::format("expected an array, got {}", kind_name()));
  }
  for (const dom::element e : array) {
    HOEGO_TRY(visit(JsonAccess::Wrap(e)));
  }
  return {};
}

std::string JsonRef::ToText() const {
  return simdjson::minify(E(*this));
}

Result<std::string> JsonRef::RequireString(std::string_view key) const {
  const auto value = Find(key);
  if (!value || !value->is_string()) {
    return WrongKind(key, "a string", value);
  }
  return std::string(*value->AsString());
}

Result<double> JsonRef::RequireDouble(std::string_view key) const {
  const auto value = Find(key);
  const auto number = value ? value->AsDouble() : std::nullopt;
  if (!number) {
    return WrongKind(key, "a number", value);
  }
  return *number;
}

Result<int64_t> JsonRef::RequireInt(std::string_view key) const {
  const auto value = Find(key);
  const auto number = value ? value->AsInt() : std::nullopt;
  if (!number) {
    return WrongKind(key, "a whole number", value);
  }
  return *number;
}

Result<std::string> JsonRef::StringOr(std::string_view key, std::string_view fallback) const {
  const auto value = Find(key);
  if (!value || value->is_null()) {
    return std::string(fallback);
  }
  return RequireString(key);
}

Result<double> JsonRef::DoubleOr(std::string_view key, double fallback) const {
  const auto value = Find(key);
  if (!value || value->is_null()) {
    return fallback;
  }
  return RequireDouble(key);
}

Result<int64_t> JsonRef::IntOr(std::string_view key, int64_t fallback) const {
  const auto value = Find(key);
  if (!value || value->is_null()) {
    return fallback;
  }
  return RequireInt(key);
}

Result<bool> JsonRef::BoolOr(std::string_view key, bool fallback) const {
  const auto value = Find(key);
  if (!value || value->is_null()) {
    return fallback;
  }
  const auto boolean = value->AsBool();
  if (!boolean) {
    return WrongKind(key, "true or false", value);
  }
  return *boolean;
}

struct JsonParser::Impl {
  dom::parser parser;
  bool sized = false;
};

JsonParser::JsonParser() : impl_(std::make_unique<Impl>()) {}
JsonParser::~JsonParser() = default;
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;

Result<JsonRef> JsonParser::Parse(std::string_view text) {
  if (!impl_->sized || text.size() > impl_->parser.capacity()) {
    if (const auto error = impl_->parser.allocate(std::bit_ceil(text.size() + 1024), kMaxDepth)) {
      return Status::ResourceExhausted(
          fmt::format("JSON of {} bytes: {}", text.size(), simdjson::error_message(error)));
    }
    impl_->sized = true;
  }
  dom::element root;
  if (const auto error = impl_->parser.parse(text.data(), text.size(), true).get(root)) {
    return Status::InvalidArgument(
        fmt::format("not valid JSON: {}", simdjson::error_message(error)));
  }
  return JsonAccess::Wrap(root);
}

namespace {

void AppendEscaped(std::string& out, std::string_view value) {
  out += '"';
  size_t plain = 0;
  for (size_t i = 0; i < value.size();) {
    const auto c = static_cast<unsigned char>(value[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (c >= 0x80) {
      if (const size_t n = internal::Utf8Length(value.substr(i)); n > 0) {
        i += n;
        continue;
      }
    }
    out.append(value.substr(plain, i - plain));
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (c < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
        } else {
          out += "\xef\xbf\xbd";
        }
    }
    plain = ++i;
  }
  out.append(value.substr(plain));
  out += '"';
}

template <class T, class... Format>
void AppendNumber(std::string& out, T value, Format... format) {
  std::array<char, 40> buffer{};
  const auto [end, ec] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format...);
  HOEGO_CHECK(ec == std::errc());
  out.append(buffer.data(), end);
}

// The shortest text that reads back equal, also with readers, such as ours, that take a number
// without point or exponent for an integer of 64 bits: −0 and 123456789012345680000 would be lost
// there.
template <class T>
void AppendFloating(std::string& out, T value) {
  if (value == 0 && std::signbit(value)) {
    out += "-0.0";
  } else if (std::abs(value) >= T{0x1p63}) {
    AppendNumber(out, value, std::chars_format::scientific);
  } else {
    AppendNumber(out, value);
  }
}

}  // namespace

// Before each value.
void JsonWriter::Separate() {
  if (in_object()) {
    HOEGO_CHECK(keyed_);
    keyed_ = false;
  } else if (comma_) {
    HOEGO_CHECK(depth_ > 0);  // one value a text
    out_ += ',';
  }
  comma_ = true;
}

JsonWriter& JsonWriter::Begin(char bracket, bool object) {
  Separate();
  HOEGO_CHECK(depth_ < kMaxDepth);
  const uint64_t bit = uint64_t{1} << depth_++;
  objects_ = object ? objects_ | bit : objects_ & ~bit;
  out_ += bracket;
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::End(char bracket, bool object) {
  HOEGO_CHECK(depth_ > 0 && in_object() == object && !keyed_);
  --depth_;
  out_ += bracket;
  comma_ = true;
  return *this;
}

std::string JsonWriter::Take() {
  HOEGO_CHECK(depth_ == 0);
  comma_ = false;
  return std::exchange(out_, {});
}

JsonWriter& JsonWriter::BeginObject() {
  return Begin('{', true);
}
JsonWriter& JsonWriter::EndObject() {
  return End('}', true);
}
JsonWriter& JsonWriter::BeginArray() {
  return Begin('[', false);
}
JsonWriter& JsonWriter::EndArray() {
  return End(']', false);
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  HOEGO_CHECK(in_object() && !keyed_);
  if (comma_) {
    out_ += ',';
  }
  AppendEscaped(out_, key);
  out_ += ':';
  keyed_ = true;
  return *this;
}
JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  AppendEscaped(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  AppendNumber(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Uint(uint64_t value) {
  Separate();
  AppendNumber(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) {
    return Null();
  }
  Separate();
  AppendFloating(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Float(float value) {
  if (!std::isfinite(value)) {
    return Null();
  }
  Separate();
  AppendFloating(out_, value);
  return *this;
}
JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  out_ += value ? "true" : "false";
  return *this;
}
JsonWriter& JsonWriter::Null() {
  Separate();
  out_ += "null";
  return *this;
}
JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_ += json;
  return *this;
}

}  // namespace hoego
