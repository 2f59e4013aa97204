#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/history/content.hpp>
#include <luban/history/detail/block_bounds.hpp>
#include <luban/history/detail/chosen_rows.hpp>
#include <luban/history/detail/schema.hpp>
#include <luban/history/detail/selection.hpp>
#include <luban/parallel/arena.hpp>
#include <optional>
#include <string_view>
#include <type_traits>

namespace luban::history::detail {
namespace {

/// A condition on one column of runs.
struct Clause {
  std::string path;
  StoredKind kind;
  std::function<bool(const AnyBounds&)> may_hold;
  std::function<void(const ColumnData&, std::vector<char>&)> narrow;  ///< clears what does not match
};

template <typename T, typename Test>
void clear_unless(const ColumnData& data, std::vector<char>& keep, Test test) {
  const auto& values = std::get<std::vector<T>>(data);
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (keep[i] != 0 && !test(values[i])) keep[i] = 0;
  }
}

/// Values from `low` to `high`, both included.
template <typename T>
Clause within(std::string path, T low, T high) {
  return {std::move(path), std::is_same_v<T, double> ? StoredKind::float64 : StoredKind::int64,
          [low, high](const AnyBounds& bounds) {
            const auto& block = std::get<Bounds<T>>(bounds);
            return block.low <= high && low <= block.high;  // false for NaN: nothing there
          },
          [low, high](const ColumnData& data, std::vector<char>& keep) {
            clear_unless<T>(data, keep, [low, high](T value) { return low <= value && value <= high; });
          }};
}

bool below(std::string_view path, std::string_view root) {
  return path.substr(0, root.size()) == root && (path.size() == root.size() || path[root.size()] == '/');
}

/// Whether one of these ascending texts lies within bounds.
bool any_within(const std::vector<std::string>& ascending, const std::string& low, const std::string& high) {
  const auto first = std::lower_bound(ascending.begin(), ascending.end(), low);
  return first != ascending.end() && *first <= high;
}

/// Texts that are one of `wanted`; with `paths`, or lie below one as A/B lies below A.
Clause one_of(std::string path, std::vector<std::string> wanted, bool paths) {
  std::sort(wanted.begin(), wanted.end());
  const auto matches = [wanted, paths](const std::string& text) {
    if (!paths) return std::binary_search(wanted.begin(), wanted.end(), text);
    return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& root) { return below(text, root); });
  };
  return {
      std::move(path), StoredKind::text,
      [wanted, paths](const AnyBounds& bounds) {
        const auto& block = std::get<Bounds<std::string>>(bounds);
        if (wanted.empty()) return false;
        if (wanted.front().empty()) return true;  // missing texts have no bounds
        if (any_within(wanted, block.low, block.high)) return true;
        return paths && std::any_of(wanted.begin(), wanted.end(),
                                    [&](const std::string& text) { return block.low.starts_with(text); });
      },
      [matches](const ColumnData& data, std::vector<char>& keep) { clear_unless<std::string>(data, keep, matches); }};
}

/// Numbers whose shortest text is one of `wanted`, where other segments hold texts.
Clause one_of_numbers(std::string path, const std::vector<std::string>& wanted) {
  return {std::move(path), StoredKind::float64, [](const AnyBounds&) { return true; },
          [wanted](const ColumnData& data, std::vector<char>& keep) {
            clear_unless<double>(data, keep, [&wanted](double value) {
              return std::find(wanted.begin(), wanted.end(), core::number_text(value)) != wanted.end();
            });
          }};
}

/// Texts that are no categories match nothing.
Clause one_of_codes(std::string path, const std::vector<std::string>& categories,
                    const std::vector<std::string>& wanted) {
  std::vector<std::int32_t> codes;
  for (const std::string& text : wanted) {
    const auto found = std::find(categories.begin(), categories.end(), text);
    if (found != categories.end()) codes.push_back(static_cast<std::int32_t>(found - categories.begin()));
  }
  return {std::move(path), StoredKind::int32,
          [codes](const AnyBounds& bounds) {
            const auto& block = std::get<Bounds<std::int32_t>>(bounds);
            return std::any_of(codes.begin(), codes.end(),
                               [&](std::int32_t code) { return block.low <= code && code <= block.high; });
          },
          [codes](const ColumnData& data, std::vector<char>& keep) {
            clear_unless<std::int32_t>(data, keep, [&codes](std::int32_t code) {
              return std::find(codes.begin(), codes.end(), code) != codes.end();
            });
          }};
}

std::vector<StoredColumn> run_columns(const TreeFile& file) {
  std::vector<StoredColumn> columns;
  for (const char* group : {"/parameters", "/context", "/identifiers"}) {
    for (StoredColumn& column : stored_columns(file, group)) columns.push_back(std::move(column));
  }
  return columns;
}

void require_categories(const std::vector<std::string>& wanted, const std::vector<std::string>& categories,
                        const std::string& column) {
  for (const std::string& text : wanted) {
    if (std::find(categories.begin(), categories.end(), text) != categories.end()) continue;
    throw core::DataError({.where = "history.read",
                           .expected = "categories of `" + column + "`",
                           .received = core::quoted(text),
                           .place = "filter of runs",
                           .hint = core::nearest_hint(text, categories)});
  }
}

const process::ColumnInfo& require_column(const std::vector<process::ColumnInfo>& columns, const std::string& name,
                                          const std::string& place) {
  std::vector<std::string> known;
  for (const process::ColumnInfo& column : columns) {
    if (column.name == name) return column;
    known.push_back(column.name);
  }
  throw core::DataError({.where = "history.read",
                         .expected = "a parameter, context variable or identifier",
                         .received = core::quoted(name),
                         .place = "filter of runs of " + place,
                         .hint = core::nearest_hint(name, known)});
}

[[noreturn]] void wrong_kind(const std::string& expected, const std::string& column) {
  throw core::DataError({.where = "history.read",
                         .expected = expected,
                         .received = "the column " + core::quoted(column),
                         .place = "filter of runs",
                         .hint = "`among` is for categories and texts, `between` for numbers"});
}

/// What runs must fulfil; nothing when the file lacks a column that the filter names.
std::optional<std::vector<Clause>> clauses_of(const TreeFile& file, const RunFilter& filter) {
  std::vector<Clause> clauses;
  if (!filter.since.missing() || !filter.before.missing()) {
    const std::int64_t low =
        filter.since.missing() ? core::UtcTime::missing_count + 1 : filter.since.since_epoch().count();
    const std::int64_t high =
        filter.before.missing() ? std::numeric_limits<std::int64_t>::max() : filter.before.since_epoch().count() - 1;
    clauses.push_back(within<std::int64_t>("/runs/start_time", low, high));
  }
  if (!filter.status.empty()) {
    clauses.push_back(one_of_codes("/runs/status", run_status_names(), filter.status));
  }
  const auto texts = [&](const char* path, const std::vector<std::string>& wanted, bool paths) {
    if (!wanted.empty()) clauses.push_back(one_of(path, wanted, paths));
  };
  texts("/runs/equipment", filter.equipment, true);
  texts("/runs/material_lot", filter.material_lot, false);
  texts("/runs/recipe", filter.recipe, false);
  texts("/runs/group", filter.group, false);
  texts("/runs/run_id", filter.run_id, false);
  const std::vector<StoredColumn> columns =
      filter.between.empty() && filter.among.empty() ? std::vector<StoredColumn>() : run_columns(file);
  const auto find = [&columns](const std::string& name) {
    return std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.info.name == name; });
  };
  for (const RunFilter::Between& range : filter.between) {
    const auto column = find(range.column);
    if (column == columns.end()) return std::nullopt;
    clauses.push_back(within<double>(column->path, range.low, range.high));
  }
  for (const RunFilter::Among& choice : filter.among) {
    const auto column = find(choice.column);
    if (column == columns.end()) return std::nullopt;
    if (column->info.kind == process::ColumnKind::code) {
      clauses.push_back(one_of_codes(column->path, column->info.categories, choice.values));
    } else if (column->info.kind == process::ColumnKind::float64) {
      clauses.push_back(one_of_numbers(column->path, choice.values));
    } else {
      clauses.push_back(one_of(column->path, choice.values, false));
    }
  }
  return clauses;
}

void require_kind(const TreeFile& file, const std::string& path, StoredKind kind) {
  const StoredKind stored = file.info(path).kind;
  if (stored == kind) return;
  throw core::IntegrityError({.where = "history.read",
                              .expected = "a column of " + std::string(name(kind)),
                              .received = std::string(name(stored)),
                              .place = file.path() + ", " + path,
                              .hint = "the file was not written by this format's rules"});
}

// Appends the rows that are kept as ranges.
void push_kept(Ranges& ranges, const std::vector<char>& keep, std::size_t first) {
  for (std::size_t i = 0; i < keep.size();) {
    if (keep[i] == 0) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < keep.size() && keep[end] != 0) ++end;
    append_range(ranges, {first + i, first + end});
    i = end;
  }
}

}  // namespace

void require_filter(const RunFilter& filter, const std::vector<process::ColumnInfo>& columns,
                    const std::string& place) {
  require_categories(filter.status, run_status_names(), "status");
  for (const RunFilter::Between& range : filter.between) {
    const process::ColumnInfo& column = require_column(columns, range.column, place);
    if (column.kind != process::ColumnKind::float64) wrong_kind("a column of numbers", range.column);
  }
  for (const RunFilter::Among& choice : filter.among) {
    const process::ColumnInfo& column = require_column(columns, choice.column, place);
    if (column.kind == process::ColumnKind::code) {
      require_categories(choice.values, column.categories, choice.column);
    } else if (column.kind != process::ColumnKind::string) {
      wrong_kind("a column of categories or texts", choice.column);
    }
  }
}

std::vector<process::ColumnInfo> filter_columns(const TreeFile& file) {
  std::vector<process::ColumnInfo> columns;
  for (const StoredColumn& column : run_columns(file)) columns.push_back(column.info);
  return columns;
}

void append_range(Ranges& ranges, process::RowRange range) {
  if (!ranges.empty() && ranges.back().end == range.begin) {
    ranges.back().end = range.end;
  } else {
    ranges.push_back(range);
  }
}

std::size_t count_rows(const Ranges& ranges) noexcept {
  std::size_t count = 0;
  for (const process::RowRange& range : ranges) count += range.size();
  return count;
}

Ranges aligned_blocks(process::RowRange rows) {
  Ranges blocks;
  for (std::size_t begin = rows.begin; begin < rows.end;) {
    const std::size_t end = std::min(rows.end, (begin / block_rows + 1) * block_rows);
    blocks.push_back({begin, end});
    begin = end;
  }
  return blocks;
}

Ranges select_runs(const TreeFile& file, const RunFilter& filter, std::size_t runs) {
  if (filter.empty()) return runs > 0 ? Ranges{{0, runs}} : Ranges{};
  const std::optional<std::vector<Clause>> wanted = clauses_of(file, filter);
  if (!wanted) return {};
  const std::vector<Clause>& clauses = *wanted;
  const BoundsReader reader(file);
  std::vector<std::optional<BoundColumns>> bounds;
  for (const Clause& clause : clauses) {
    require_kind(file, clause.path, clause.kind);
    bounds.push_back(reader.read(clause.path));
  }
  Ranges possible = aligned_blocks({0, runs});
  std::erase_if(possible, [&](const process::RowRange& block) {
    for (std::size_t i = 0; i < clauses.size(); ++i) {
      if (bounds[i] && !clauses[i].may_hold(bounds_of(*bounds[i], block.begin / block_rows))) return true;
    }
    return false;
  });
  std::vector<std::vector<char>> keep(possible.size());
  parallel::for_each_index(possible.size(), [&](std::size_t b) {
    const process::RowRange& block = possible[b];
    keep[b].assign(block.size(), 1);
    for (const Clause& clause : clauses) {
      if (std::find(keep[b].begin(), keep[b].end(), 1) == keep[b].end()) break;
      clause.narrow(file.read(clause.path, block.begin, block.end), keep[b]);
    }
  });
  Ranges chosen;
  for (std::size_t b = 0; b < possible.size(); ++b) push_kept(chosen, keep[b], possible[b].begin);
  return chosen;
}

Ranges select_readings(const TreeFile& file, const Ranges& runs, std::size_t readings) {
  if (runs.empty()) return {};
  const std::string path = "/readings/run";
  const auto first = static_cast<std::int64_t>(runs.front().begin);
  const auto last = static_cast<std::int64_t>(runs.back().end) - 1;
  const std::optional<BoundColumns> bounds = BoundsReader(file).read(path);
  const ChosenRows chosen(runs);
  require_kind(file, path, StoredKind::int64);
  Ranges out;
  for (const process::RowRange& block : aligned_blocks({0, readings})) {
    if (bounds) {
      const auto held = std::get<Bounds<std::int64_t>>(bounds_of(*bounds, block.begin / block_rows));
      if (held.high < first || last < held.low) continue;
    }
    const ColumnData data = file.read(path, block.begin, block.end);
    const auto& run = std::get<std::vector<std::int64_t>>(data);
    std::vector<char> keep(block.size(), 0);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      keep[i] = i > 0 && run[i] == run[i - 1] ? keep[i - 1] : static_cast<char>(chosen.place(run[i]).has_value());
    }
    push_kept(out, keep, block.begin);
  }
  return out;
}

std::vector<Piece> pieces(const Ranges& ranges, process::RowRange rows) {
  Ranges wanted;
  std::size_t before = 0;  // chosen rows in the ranges passed
  for (const process::RowRange& range : ranges) {
    const std::size_t from = std::max(rows.begin, before);
    const std::size_t to = std::min(rows.end, before + range.size());
    if (from < to) wanted.push_back({range.begin + (from - before), range.begin + (to - before)});
    before += range.size();
  }
  return group_ranges(wanted, block_rows, std::numeric_limits<std::size_t>::max());
}

}  // namespace luban::history::detail
