#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/id.h"
#include "base/uuid.h"

namespace hoego::events {

// Dense keys that the log hands out, in order of first appearance from 0. Stable for the life of
// the log.
using UnitKey = Id<struct UnitKeyTag, uint32_t>;
using ItemKey = Id<struct ItemKeyTag, uint32_t>;
using TypeKey = Id<struct TypeKeyTag, uint16_t>;  // of an event type's name
inline constexpr ItemKey kNoItem{UINT32_MAX};
inline constexpr UnitKey kNoUnit{UINT32_MAX};

// A place between two records. Opaque to clients: "0-<offset>", partition 0 of the embedded log.
struct Cut {
  uint64_t offset = 0;
  std::string ToString() const;
  static Result<Cut> Parse(std::string_view text);
  friend auto operator<=>(const Cut&, const Cut&) = default;
};

// What is appended. All views need to live only until Append returns.
struct NewEvent {
  std::string_view id;       // empty: one is made
  std::optional<Time> time;  // absent: the time of receipt
  std::string_view type;
  std::string_view unit;
  std::string_view item;  // empty: none
  std::optional<double> value;
  std::optional<Uuid> decision;  // the answer that this event follows
  std::string_view properties;   // a JSON object, or empty
};

enum class DecisionKind : uint8_t { kRanking = 1, kPrediction = 2, kFlag = 3 };

struct ChosenItem {  // position = place in the list + 1
  ItemKey item;
  float score = 0;
  float propensity = 1;  // given those above it and the arm (architecture, "propensity")
};

struct NewDecision {
  Uuid id;
  Time time;
  DecisionKind kind = DecisionKind::kRanking;
  std::string_view endpoint;
  std::string_view unit;
  uint64_t route_revision = 0;
  std::string_view test;  // empty: the route was fixed
  std::string_view arm;
  double arm_probability = 1;
  std::string_view model;  // "films"
  uint32_t version = 0;
  uint32_t candidates = 0;  // items that could have been shown
  std::span<const ChosenItem> items;
  std::string_view output_digest;  // of a prediction or flag
  uint32_t latency_us = 0;
  bool fallback = false;
};

struct NewExposure {
  Time time;
  std::string_view test;
  std::string_view arm;
  std::string_view unit;
};

// Upsert or tombstone of a catalogue entry; effective in the next answer.
struct ItemChange {
  std::string_view item;
  bool removed = false;
  std::vector<std::string> categories;
  bool hidden = false;
  std::optional<Time> expires;
  std::string_view attributes;  // a JSON object, or empty
};

struct UnitChange {
  std::string_view unit;
  std::string_view attributes;  // a JSON object; sealed under the unit's key
};

// A definition or a change of one: kind "model", "version", "alias", "endpoint", "route", "test",
// "loop", "event_type", … The log keeps them all; what a room holds of them is a fold over these
// records.
struct Definition {
  std::string_view kind;
  std::string_view name;
  std::string_view json;
};

using NewRecord =
    std::variant<NewEvent, NewDecision, NewExposure, ItemChange, UnitChange, Definition>;

// What is read back. Views live as long as the cursor has not moved (cursor) or as the Entry lives
// (Find).
enum class RecordKind : uint8_t {
  kEvent = 1,
  kDecision = 2,
  kExposure = 3,
  kItemChange = 4,
  kUnitChange = 5,
  kDefinition = 6,
  kUnitKey = 7,
  kItemKey = 8,
  kTypeKey = 9,
  kForget = 10,
};

struct EventView {
  TypeKey type;
  ItemKey item = kNoItem;
  std::optional<double> value;
  std::optional<Uuid> decision;
};

struct DecisionView {
  Uuid id;
  DecisionKind kind = DecisionKind::kRanking;
  std::string_view endpoint;
  uint64_t route_revision = 0;
  std::string_view test;
  std::string_view arm;
  double arm_probability = 1;
  std::string_view model;
  uint32_t version = 0;
  uint32_t candidates = 0;
  std::vector<ChosenItem> items;
  std::string_view output_digest;
  uint32_t latency_us = 0;
  bool fallback = false;
};

struct ExposureView {
  std::string_view test;
  std::string_view arm;
};

struct DefinitionView {
  std::string_view kind;
  std::string_view name;
  std::string_view json;
};

// One record of the log.
struct Record {
  RecordKind kind = RecordKind::kEvent;
  Cut at;               // where it starts
  Cut next;             // where the one after it starts
  Time time;            // claimed by the sender
  Time received;        // ours; never falls along the log
  bool future = false;  // time was more than 5 minutes ahead of received
  UnitKey unit = kNoUnit;
  // One of these by kind; the others are default. Catalogue and unit changes are read through their
  // views.
  EventView event;
  DecisionView decision;
  ExposureView exposure;
  DefinitionView definition;
  std::string_view body;  // as stored (docs/formats/segment.md)
};

// The parts that are sealed under the unit's key, opened. `erased` when that key was destroyed, or
// is damaged.
struct OpenedEvent {
  std::string id;
  std::string unit;
  std::string properties;
  bool erased = false;
};

}  // namespace hoego::events
