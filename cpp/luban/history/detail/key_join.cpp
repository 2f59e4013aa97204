#include <algorithm>
#include <luban/history/detail/chosen_rows.hpp>
#include <luban/history/detail/key_hash.hpp>
#include <luban/history/detail/key_join.hpp>
#include <luban/history/detail/schema.hpp>
#include <unordered_map>

namespace luban::history::detail {
namespace {

using ReadingKey = std::pair<std::int64_t, std::int64_t>;  // place of its run among the wanted ids, repeat

/// The late events of one response in one segment.
struct Pending {
  std::size_t segment;
  std::string response;
  std::vector<std::string> run_id;
  std::vector<std::int64_t> repeat;
  std::vector<LateEvent> events;
};

Pending load_pending(const TreeFile& file, std::size_t segment, const StoredColumn& response) {
  Pending pending{segment, response.info.name, {}, {}, {}};
  const auto reading = load<std::int64_t>(file, response.path + "/reading");
  const auto run_id = load<std::string>(file, response.path + "/run_id");
  const auto repeat = load<std::int64_t>(file, response.path + "/repeat");
  const auto value = load<double>(file, response.path + "/value");
  const auto time = load<std::int64_t>(file, response.path + "/time");
  const auto quality = load<std::int32_t>(file, response.path + "/quality");
  const std::size_t count =
      std::min({reading.size(), run_id.size(), repeat.size(), value.size(), time.size(), quality.size()});
  for (std::size_t i = 0; i < count; ++i) {
    if (reading[i] >= 0) continue;
    pending.run_id.push_back(run_id[i]);
    pending.repeat.push_back(repeat[i]);
    pending.events.push_back({-1, value[i], time[i], quality[i]});
  }
  return pending;
}

class Join {
 public:
  explicit Join(const SegmentFiles& files) : files_(files), continued_ids_(files.size()) {}

  void collect() {
    for (std::size_t k = 0; k < files_.size(); ++k) {
      const SegmentEntry& entry = files_.manifest().segments[k];
      if (entry.late.empty() && entry.continued == 0) continue;
      const auto opened = files_.open(k);
      for (const StoredColumn& response : stored_columns(*opened->file, "/responses")) {
        if (entry.late.count(response.info.name) != 0) pending_.push_back(load_pending(*opened->file, k, response));
      }
      if (entry.continued > 0) {
        const std::size_t runs = opened->file->info("/runs/run_id").count;
        const auto first = runs - std::min(runs, static_cast<std::size_t>(entry.continued));
        continued_ids_[k] = load<std::string>(*opened->file, "/runs/run_id", first, runs);
      }
    }
    for (const Pending& pending : pending_) ids_.insert(ids_.end(), pending.run_id.begin(), pending.run_id.end());
    for (const auto& ids : continued_ids_) ids_.insert(ids_.end(), ids.begin(), ids.end());
    std::sort(ids_.begin(), ids_.end());
    ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
    owner_.assign(ids_.size(), {none, 0});
  }

  /// Finds the rows of the wanted runs, and their readings, in every segment that may have them.
  void find() {
    for (std::size_t k = 0; k < files_.size() && !ids_.empty(); ++k) {
      const SegmentEntry& entry = files_.manifest().segments[k];
      if (entry.runs + entry.continued == 0 || entry.last_run_id < ids_.front() || ids_.back() < entry.first_run_id) {
        continue;
      }
      const auto opened = files_.open(k);
      const TreeFile& file = *opened->file;
      const auto run_id = load<std::string>(file, "/runs/run_id");
      const std::size_t own = run_id.size() - std::min(run_id.size(), static_cast<std::size_t>(entry.continued));
      std::unordered_map<std::int64_t, std::size_t> place_of_row;
      Ranges rows;
      for (std::size_t row = 0; row < run_id.size(); ++row) {
        const auto found = std::lower_bound(ids_.begin(), ids_.end(), run_id[row]);
        if (found == ids_.end() || *found != run_id[row]) continue;
        const auto place = static_cast<std::size_t>(found - ids_.begin());
        if (row < own && owner_[place].segment == none) owner_[place] = {k, row};
        place_of_row[static_cast<std::int64_t>(row)] = place;
        if (!rows.empty() && rows.back().end == row) {
          ++rows.back().end;
        } else {
          rows.push_back({row, row + 1});
        }
      }
      if (!pending_.empty()) find_readings(file, k, rows, place_of_row);
    }
  }

  void find_readings(const TreeFile& file, std::size_t segment, const Ranges& rows,
                     const std::unordered_map<std::int64_t, std::size_t>& place_of_row) {
    // Late values lie anywhere: the keys of their readings are read by the block, not one by one.
    const Ranges chosen = select_readings(file, rows, file.info("/readings/run").count);
    const auto run = load_ranges<std::int64_t>(file, "/readings/run", chosen);
    const auto repeat = load_ranges<std::int64_t>(file, "/readings/repeat", chosen);
    std::size_t i = 0;
    for (const process::RowRange& range : chosen) {
      for (std::size_t row = range.begin; row < range.end; ++row, ++i) {
        readings_.emplace(ReadingKey{static_cast<std::int64_t>(place_of_row.at(run[i])), repeat[i]},
                          SegmentRow{segment, row});
      }
    }
  }

  std::int64_t resolve(std::map<std::pair<std::size_t, std::string>, std::vector<LateEvent>>& late) {
    std::int64_t unresolved = 0;
    for (Pending& pending : pending_) {
      for (std::size_t i = 0; i < pending.events.size(); ++i) {
        const auto found = readings_.find({static_cast<std::int64_t>(place(pending.run_id[i])), pending.repeat[i]});
        if (found == readings_.end()) {
          ++unresolved;
          continue;
        }
        pending.events[i].reading = static_cast<std::int64_t>(found->second.row);
        late[{found->second.segment, pending.response}].push_back(pending.events[i]);
      }
    }
    return unresolved;
  }

  [[nodiscard]] std::vector<std::vector<SegmentRow>> continued() const {
    std::vector<std::vector<SegmentRow>> rows(files_.size());
    for (std::size_t k = 0; k < rows.size(); ++k) {
      const SegmentEntry& entry = files_.manifest().segments[k];
      for (std::size_t i = 0; i < continued_ids_[k].size(); ++i) {
        const SegmentRow owner = owner_[place(continued_ids_[k][i])];
        rows[k].push_back(owner.segment != none ? owner : SegmentRow{k, static_cast<std::size_t>(entry.runs) + i});
      }
    }
    return rows;
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t place(const std::string& id) const {
    return static_cast<std::size_t>(std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin());
  }

  const SegmentFiles& files_;
  std::vector<Pending> pending_;
  std::vector<std::vector<std::string>> continued_ids_;
  std::vector<std::string> ids_;   // wanted, sorted
  std::vector<SegmentRow> owner_;  // of each: its first row
  std::unordered_map<ReadingKey, SegmentRow, KeyHash> readings_;
};

}  // namespace

KeyJoin::KeyJoin(const SegmentFiles& files) {
  Join join(files);
  join.collect();
  join.find();
  unresolved_ = join.resolve(late_);
  continued_ = join.continued();
}

LateByResponse KeyJoin::late_values(std::size_t segment, core::UtcTime as_of) const {
  LateByResponse values;
  for (auto entry = late_.lower_bound({segment, std::string()}); entry != late_.end() && entry->first.first == segment;
       ++entry) {
    std::map<std::int64_t, const LateEvent*> latest;
    for (const LateEvent& event : entry->second) {
      const bool known = as_of.missing() || event.time <= as_of.since_epoch().count();
      if (known) latest[event.reading] = &event;
    }
    LateValues& out = values[entry->first.second];
    for (const auto& [row, event] : latest) {
      out.row.push_back(row);
      out.value.push_back(event->value);
      out.quality.push_back(event->quality);
    }
  }
  return values;
}

}  // namespace luban::history::detail
