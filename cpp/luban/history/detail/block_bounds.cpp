#include <algorithm>
#include <limits>
#include <luban/core/error.hpp>
#include <luban/core/time.hpp>
#include <luban/history/detail/block_bounds.hpp>
#include <luban/history/detail/missing_value.hpp>
#include <type_traits>

namespace luban::history::detail {
namespace {

Bounds<std::string> bounds_within(std::span<const std::string> values) {
  const std::string* least = nullptr;
  const std::string* most = nullptr;
  for (const std::string& value : values) {
    if (is_missing(value)) continue;
    if (least == nullptr || value < *least) least = &value;
    if (most == nullptr || *most < value) most = &value;
  }
  if (least == nullptr) return {};
  return {*least, *most};
}

/// Numbers in four lanes, so that no comparison waits for the one before.
template <typename T>
Bounds<T> bounds_within(std::span<const T> values) {
  constexpr std::size_t lanes = 4;
  using Limits = std::numeric_limits<T>;
  constexpr T top = Limits::has_infinity ? Limits::infinity() : Limits::max();
  constexpr T bottom = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  T low[lanes] = {top, top, top, top};
  T high[lanes] = {bottom, bottom, bottom, bottom};
  bool found = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t lane = i % lanes;
    const T value = values[i];
    const bool there = !is_missing(value);
    found = found || there;
    low[lane] = there && value < low[lane] ? value : low[lane];
    high[lane] = there && high[lane] < value ? value : high[lane];
  }
  if (!found) return {missing_value<T>(), missing_value<T>()};
  return {*std::min_element(low, low + lanes), *std::max_element(high, high + lanes)};
}

template <typename T>
BoundColumns bounds(std::span<const T> values) {
  std::vector<T> low, high;
  for (std::size_t begin = 0; begin < values.size(); begin += block_rows) {
    Bounds<T> block = bounds_within(values.subspan(begin, std::min(block_rows, values.size() - begin)));
    low.push_back(std::move(block.low));
    high.push_back(std::move(block.high));
  }
  return {std::move(low), std::move(high)};
}

[[noreturn]] void no_bounds() {
  throw core::IntegrityError({.where = "history.read",
                              .expected = "a column of numbers, times, codes or texts",
                              .received = "another",
                              .place = "/index",
                              .hint = "`luban verify` lists everything that is wrong with the file"});
}

}  // namespace

BoundColumns block_bounds(const ColumnView& column) {
  if (const auto* numbers = std::get_if<std::span<const double>>(&column)) return bounds(*numbers);
  if (const auto* integers = std::get_if<std::span<const std::int64_t>>(&column)) return bounds(*integers);
  if (const auto* codes = std::get_if<std::span<const std::int32_t>>(&column)) return bounds(*codes);
  if (const auto* texts = std::get_if<std::span<const std::string>>(&column)) return bounds(*texts);
  no_bounds();
}

std::string bounds_path(const std::string& dataset) {
  return "/index" + dataset;
}

std::optional<BoundColumns> BoundsReader::read(const std::string& dataset) const {
  const std::string path = bounds_path(dataset);
  if (!file_.has(path + "/low") || !file_.has(path + "/high")) return std::nullopt;
  const DatasetInfo& column = file_.info(dataset);
  const std::size_t blocks = (column.count + block_rows - 1) / block_rows;
  for (const char* end : {"/low", "/high"}) {
    const DatasetInfo& info = file_.info(path + end);
    if (info.count == blocks && info.kind == column.kind) continue;
    throw core::IntegrityError({.where = "history.read",
                                .expected = std::to_string(blocks) + " bounds of the kind of the column",
                                .received = std::to_string(info.count) + " of kind " + std::string(name(info.kind)),
                                .place = file_.path() + ", " + path + end,
                                .hint = "`luban verify` lists everything that is wrong with the file"});
  }
  return BoundColumns{file_.read(path + "/low"), file_.read(path + "/high")};
}

AnyBounds bounds_of(const BoundColumns& columns, std::size_t block) {
  return std::visit(
      [&](const auto& low) -> AnyBounds {
        using Values = std::decay_t<decltype(low)>;
        if constexpr (std::is_same_v<Values, std::vector<float>>) {
          no_bounds();
        } else {
          return Bounds<typename Values::value_type>{low[block], std::get<Values>(columns.high)[block]};
        }
      },
      columns.low);
}

}  // namespace luban::history::detail
