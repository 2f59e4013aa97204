#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <luban/history/content.hpp>
#include <string>
#include <vector>

namespace luban::history::detail {

/// Appends the rows that are not there yet; the numbers of their imports are counted on from `sources`. @returns how
/// many.
std::int64_t merge_genealogy(Genealogy& to, const Genealogy& from, std::int32_t sources);
std::int64_t merge_recipes(Recipes& to, const Recipes& from, std::int32_t sources);

/// Where the runs of an addition went: `target[i]` is the run of the history, or −1 when it was refused.
struct RunPlaces {
  const std::vector<std::int64_t>& target;
  std::size_t stored;    ///< runs that the history had before
  std::size_t total;     ///< runs that it has now
  std::int32_t sources;  ///< imports that it had before: numbers of the addition's imports are counted on
};
/// Called with a run of the addition, the channel and its samples in words, when the history has others for that run.
using TraceRefusal = std::function<void(std::size_t run, const std::string& channel, const std::string& samples)>;

/// Gives each run the samples that it does not have yet. @returns how many runs got some.
/// @throws ConfigurationError when a channel has another unit or period than before.
std::int64_t merge_traces(std::vector<TraceColumn>& to, const std::vector<TraceColumn>& from, const RunPlaces& places,
                          const TraceRefusal& refuse);

}  // namespace luban::history::detail
