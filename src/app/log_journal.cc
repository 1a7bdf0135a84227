#include "app/log_journal.h"

#include <array>

namespace hoego::app {

Status LogJournal::Append(std::string_view kind, std::string_view name, std::string_view json) {
  const std::array<events::NewRecord, 1> records = {events::Definition{kind, name, json}};
  return events::AppendAndWait(log_, records).status();
}

}  // namespace hoego::app
