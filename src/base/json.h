#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace hoego {

// A value inside a parsed document: 16 bytes, copied freely, valid as long as its JsonParser
// neither parses again nor dies.
class JsonRef {
 public:
  enum class Kind : unsigned char { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };

  Kind kind() const;
  std::string_view kind_name() const;  // "null", "boolean", "number", "string", "array", "object"
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_object() const { return kind() == Kind::kObject; }
  bool is_array() const { return kind() == Kind::kArray; }
  bool is_number() const {
    return kind() == Kind::kInt || kind() == Kind::kUint || kind() == Kind::kDouble;
  }

  // The value, or nothing when it is of another kind. Doubles that are whole are accepted as
  // integers.
  std::optional<bool> AsBool() const;
  std::optional<int64_t> AsInt() const;
  std::optional<double> AsDouble() const;
  std::optional<std::string_view> AsString() const;

  std::optional<JsonRef> Find(std::string_view key) const;  // of an object; linear in its fields
  size_t size() const;                                      // elements or fields

  // Visits until the visitor returns a failure, which is returned.
  Status ForEachField(
      const std::function<Status(std::string_view key, JsonRef value)>& visit) const;
  Status ForEachElement(const std::function<Status(JsonRef value)>& visit) const;

  std::string ToText() const;  // the value as minified JSON

  // With an error that names the field and what was expected: "field \"n\": expected a number, got
  // string".
  Result<std::string> RequireString(std::string_view key) const;
  Result<double> RequireDouble(std::string_view key) const;
  Result<int64_t> RequireInt(std::string_view key) const;
  // Absent or null gives the fallback; another kind is an error.
  Result<std::string> StringOr(std::string_view key, std::string_view fallback) const;
  Result<double> DoubleOr(std::string_view key, double fallback) const;
  Result<int64_t> IntOr(std::string_view key, int64_t fallback) const;
  Result<bool> BoolOr(std::string_view key, bool fallback) const;

 private:
  friend class JsonParser;
  friend struct JsonAccess;
  alignas(8) unsigned char raw_[16] = {};
};

// Parses UTF-8 JSON (RFC 8259): at most 64 values inside each other ([[1]] is three), no integer
// beyond 64 bits, no number beyond a double. Reuses its memory from document to document. Duplicate
// keys: the first wins in Find. Threads: one thread at a time.
class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;

  // InvalidArgument with the position's meaning when the text is not one JSON value.
  Result<JsonRef> Parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes minified JSON. Commas are its own business; nesting is checked (a wrong one is our own bug
// and ends the process), at most 64 levels. NaN and infinities become null.
// Threads: one thread at a time.
//   JsonWriter w;
//   w.BeginObject().Field("n", 3).Key("items").BeginArray().Int(1).EndArray().EndObject();
//   w.Take();  // {"n":3,"items":[1]}
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);  // invalid UTF-8 bytes become U+FFFD
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  JsonWriter& Double(double value);  // shortest text that reads back equal
  JsonWriter& Float(float value);    // shortest text that reads back equal as a float
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Raw(std::string_view json);  // Pre: one valid JSON value

  JsonWriter& Field(std::string_view key, std::string_view value) { return Key(key).String(value); }
  JsonWriter& Field(std::string_view key, const char* value) { return Key(key).String(value); }
  JsonWriter& Field(std::string_view key, const std::string& value) {
    return Key(key).String(value);
  }
  JsonWriter& Field(std::string_view key, bool value) { return Key(key).Bool(value); }
  JsonWriter& Field(std::string_view key, double value) { return Key(key).Double(value); }
  JsonWriter& Field(std::string_view key, int value) { return Key(key).Int(value); }
  JsonWriter& Field(std::string_view key, int64_t value) { return Key(key).Int(value); }
  JsonWriter& Field(std::string_view key, uint64_t value) { return Key(key).Uint(value); }
  JsonWriter& Field(std::string_view key, unsigned value) { return Key(key).Uint(value); }

  // The text so far; the writer is then as new. Pre: everything begun is ended.
  std::string Take();
  const std::string& text() const { return out_; }
  void Reserve(size_t bytes) { out_.reserve(bytes); }

 private:
  void Separate();
  JsonWriter& Begin(char bracket, bool object);
  JsonWriter& End(char bracket, bool object);
  bool in_object() const { return depth_ > 0 && (objects_ >> (depth_ - 1) & 1) != 0; }

  std::string out_;
  uint64_t objects_ = 0;  // bit i: the level i + 1 is an object
  unsigned depth_ = 0;
  bool comma_ = false;  // the next value or key is not the first of its level
  bool keyed_ = false;  // a key waits for its value
};

}  // namespace hoego
