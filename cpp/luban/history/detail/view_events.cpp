// How a view finds the latest value of each reading, and what it computes for runs from them.
#include <algorithm>
#include <cmath>
#include <limits>
#include <luban/history/detail/chosen_rows.hpp>
#include <luban/history/detail/view.hpp>

namespace luban::history::detail {
namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr std::int32_t no_quality = -1;

std::int64_t flag(const Attributes& attributes, const char* name) {
  return integer_attribute(attributes, name);
}

/// An index holds the number of the event that counts; of a bad one −2 less its number, of none −1.
std::int64_t bad_event(std::int64_t event) noexcept {
  return -2 - event;
}
std::int64_t event_of(std::int64_t entry) noexcept {
  return entry >= -1 ? entry : -2 - entry;
}

/// What a dataset holds at each of these events, `missing` where there is none (below 0).
template <typename T>
std::vector<T> at_events(const TreeFile& file, const std::string& path, const std::vector<std::int64_t>& events,
                         T missing) {
  // Wanted events in stored order, so that each chunk is fetched once.
  std::vector<std::pair<std::int64_t, std::size_t>> wanted;
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (events[row] >= 0) wanted.emplace_back(events[row], row);
  }
  if (!std::is_sorted(wanted.begin(), wanted.end())) std::sort(wanted.begin(), wanted.end());
  std::vector<T> values(events.size(), missing);
  for (std::size_t i = 0; i < wanted.size();) {
    // One read for events that lie close together: at most a block is passed over for nothing.
    std::size_t end = i + 1;
    while (end < wanted.size() && wanted[end].first - wanted[end - 1].first < static_cast<std::int64_t>(block_rows))
      ++end;
    const auto first = static_cast<std::size_t>(wanted[i].first);
    const auto block = load<T>(file, path, first, static_cast<std::size_t>(wanted[end - 1].first) + 1);
    for (; i < end; ++i) values[wanted[i].second] = block[static_cast<std::size_t>(wanted[i].first) - first];
  }
  return values;
}

/// Puts what is said of `rows` (ascending) in the place of what `values` has of those within the span.
template <typename T>
void overlay(const std::vector<std::int64_t>& rows, const std::vector<T>& said, process::RowRange span,
             std::vector<T>& values) {
  const auto first = std::lower_bound(rows.begin(), rows.end(), static_cast<std::int64_t>(span.begin));
  for (auto row = first; row != rows.end() && *row < static_cast<std::int64_t>(span.end); ++row) {
    values[static_cast<std::size_t>(*row) - span.begin] = said[static_cast<std::size_t>(row - rows.begin())];
  }
}

}  // namespace

std::vector<double> View::read_response(const ViewColumn& column, process::RowRange span) const {
  std::vector<double> values =
      column.path == no_path ? std::vector<double>(span.size(), none) : stored_response(column.path, span);
  const auto late = place_.late.find(column.info.name);
  if (late == place_.late.end()) return values;
  overlay(late->second.row, late->second.value, span, values);
  std::vector<std::int32_t> quality(span.size(), quality_good);
  overlay(late->second.row, late->second.quality, span, quality);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (quality[i] == quality_bad) values[i] = none;
  }
  return values;
}

std::vector<double> View::stored_response(const std::string& response, process::RowRange span) const {
  return stored_events(response, "/value", span, none, false);
}

template <typename T>
std::vector<T> View::stored_events(const std::string& response, const char* dataset, process::RowRange span, T missing,
                                   bool bad_too) const {
  const std::shared_ptr<const Index> latest = latest_events(response);
  if (latest == nullptr) return load<T>(*file_, response + dataset, span.begin, span.end);
  Index events(latest->begin() + span.begin, latest->begin() + span.end);
  if (bad_too) std::transform(events.begin(), events.end(), events.begin(), event_of);
  return at_events(*file_, response + dataset, events, missing);
}

template <typename T>
std::vector<T> View::latest_stated(const ViewColumn& column, const char* dataset,
                                   const std::vector<T> LateValues::*said, process::RowRange span, T missing) const {
  std::vector<T> values = column.path == no_path ? std::vector<T>(span.size(), missing)
                                                 : stored_events(column.path, dataset, span, missing, true);
  const auto late = place_.late.find(column.response);
  if (late != place_.late.end()) overlay(late->second.row, late->second.*said, span, values);
  return values;
}

std::vector<double> View::read_stated(const ViewColumn& column, process::RowRange span) const {
  return latest_stated(column, "/value", &LateValues::value, span, none);
}

std::vector<std::int32_t> View::read_quality(const ViewColumn& column, process::RowRange span) const {
  std::vector<std::int32_t> quality = latest_stated(column, "/quality", &LateValues::quality, span, no_quality);
  for (const std::int32_t code : quality) {
    if (code < no_quality || code > quality_bad) out_of_range(*file_, column.info.name, code);
  }
  return quality;
}

bool View::events_in_order(const std::string& response) const {
  // Since 1.1 the writer says so; `luban verify` checks that it is true.
  const Attributes& attributes = file_->groups().at(response);
  if (flag(attributes, "in_order") != 1 || flag(attributes, "all_usable") != 1) return false;
  return options_.as_of.missing() || flag(attributes, "latest_time") <= options_.as_of.since_epoch().count();
}

std::shared_ptr<const View::Index> View::latest_events(const std::string& response) const {
  if (readings_ == file_->info(response + "/value").count && events_in_order(response)) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = latest_.find(response); known != latest_.end()) return known->second;
  }
  auto found = find_latest_events(response);  // two threads may do it twice; both find the same
  const std::lock_guard lock(mutex_);
  return latest_.emplace(response, std::move(found)).first->second;
}

std::shared_ptr<const View::Index> View::find_latest_events(const std::string& response) const {
  auto latest = std::make_shared<Index>(readings_, -1);
  const std::size_t events = file_->info(response + "/reading").count;
  const auto total = static_cast<std::int64_t>(file_->info("/readings/run").count);
  bool in_order = events == readings_;
  for (const process::RowRange block : aligned_blocks({0, events})) {
    const auto reading = load<std::int64_t>(*file_, response + "/reading", block.begin, block.end);
    const auto quality = load<std::int32_t>(*file_, response + "/quality", block.begin, block.end);
    const auto time = load<std::int64_t>(*file_, response + "/time", block.begin, block.end);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto event = static_cast<std::int64_t>(block.begin + i);
      if (reading[i] == -1 && is_segment_) {
        in_order = false;
        continue;
      }
      if (reading[i] < 0 || reading[i] >= total) out_of_range(*file_, response + "/reading", reading[i]);
      const bool known = options_.as_of.missing() || time[i] <= options_.as_of.since_epoch().count();
      const bool counts = known && static_cast<std::size_t>(reading[i]) < readings_;
      const bool usable = quality[i] != quality_bad;
      in_order = in_order && counts && usable && reading[i] == event;
      if (counts) (*latest)[static_cast<std::size_t>(reading[i])] = usable ? event : bad_event(event);
    }
  }
  return in_order ? nullptr : latest;
}

// Calls visit(span, parts, places) for each stored block: its chosen readings are `parts` of the span, and of each of
// them `places` has the place of its run among the chosen ones. One read per block, however scattered they are.
template <typename Visit>
void View::for_each_reading_block(const Visit& visit) const {
  const ChosenRows chosen(run_ranges_);
  for (const Piece& piece : block_pieces(reading_ranges_)) {
    const auto runs = load<std::int64_t>(*file_, "/readings/run", piece.span.begin, piece.span.end);
    std::vector<std::size_t> places;
    places.reserve(count_rows(piece.parts));
    for (const process::RowRange& part : piece.parts) {
      for (std::size_t i = part.begin; i < part.end; ++i) {
        const std::optional<std::size_t> place = chosen.place(runs[i]);
        if (!place) out_of_range(*file_, "/readings/run", runs[i]);
        places.push_back(*place);
      }
    }
    visit(piece.span, piece.parts, places);
  }
}

std::vector<double> View::run_counts() const {
  std::vector<double> counts(count_rows(run_ranges_), 0.0);
  for_each_reading_block([&](process::RowRange, const Ranges&, const std::vector<std::size_t>& places) {
    for (const std::size_t place : places) counts[place] += 1.0;
  });
  return counts;
}

RunSums View::run_sums(const std::string& response) const {
  const std::size_t runs = count_rows(run_ranges_);
  RunSums sums{std::vector<double>(runs, 0.0), std::vector<double>(runs, 0.0)};
  const auto found = std::find_if(columns_.begin(), columns_.end(), [&](const ViewColumn& column) {
    return column.origin == Origin::response && column.info.name == response;
  });
  if (found == columns_.end()) return sums;
  for_each_reading_block([&](process::RowRange span, const Ranges& parts, const std::vector<std::size_t>& places) {
    const std::vector<double> values = read_response(*found, span);
    auto place = places.begin();
    for (const process::RowRange& part : parts) {
      for (std::size_t i = part.begin; i < part.end; ++i, ++place) {
        if (std::isnan(values[i])) continue;
        sums.sum[*place] += values[i];
        sums.count[*place] += 1.0;
      }
    }
  });
  return sums;
}

std::vector<double> View::derived(const ViewColumn& column) const {
  const std::string key =
      column.origin == Origin::run_count ? std::string("/readings") : "response " + column.info.name;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = derived_.find(key); known != derived_.end()) return known->second;
  }
  std::vector<double> values;
  if (column.origin == Origin::run_count) {
    values = run_counts();
  } else {
    RunSums sums = run_sums(column.info.name);
    for (std::size_t i = 0; i < sums.sum.size(); ++i) {
      values.push_back(sums.count[i] > 0.0 ? sums.sum[i] / sums.count[i] : none);
    }
  }
  const std::lock_guard lock(mutex_);
  return derived_.emplace(key, std::move(values)).first->second;
}

}  // namespace luban::history::detail
