#include <luban/surrogate/detail/baseline_data.hpp>

#include <map>
#include <string>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/features/reduction.hpp>
#include <luban/features/robust_weights.hpp>

namespace luban::surrogate::detail {

BaselineData baseline_data(const features::Dataset& data, Eigen::Index response, const char* where) {
  const features::Reduction reduction = features::reduce(data, response, features::robust_weights(data, response));
  BaselineData out;
  out.X = reduction.X;
  out.y = reduction.mean;
  out.weight = reduction.weight;
  out.within_ss = reduction.within_ss;
  out.spare = static_cast<double>(reduction.n - reduction.mean.size());
  std::map<std::int32_t, std::vector<Eigen::Index>> rows;
  for (std::size_t i = 0; i < reduction.run.size(); ++i) rows[reduction.run[i]].push_back(static_cast<Eigen::Index>(i));
  for (auto& [run, members] : rows) out.runs.push_back(members);
  if (out.runs.size() < 2) {
    throw core::DataError({.where = where,
                           .expected = "at least two runs with a value",
                           .received = std::to_string(out.runs.size()),
                           .place = "response " + core::quoted(data.responses[static_cast<std::size_t>(response)].name),
                           .hint = "add runs: from one run no spread between runs can be learned"});
  }
  return out;
}

}  // namespace luban::surrogate::detail
