#include <luban/surrogate/detail/matching_data.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/inputs.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

bool same_code(const features::EncodedVariable& a, const features::EncodedVariable& b) {
  return a.name == b.name && a.unit == b.unit && a.kind == b.kind && a.low == b.low && a.high == b.high &&
         a.categories == b.categories;
}

void require_unit(const std::string& expected, const std::string& received, const std::string& name,
                  const char* where) {
  if (expected == received) return;
  throw core::UnitError({.where = where,
                         .expected = "unit " + core::quoted(expected) + " for " + core::quoted(name),
                         .received = core::quoted(received),
                         .place = {},
                         .hint = "units are converted at import"});
}

[[noreturn]] void refuse_name(const std::string& what, const std::string& name, const std::vector<std::string>& known,
                              const char* where) {
  throw core::DataError({.where = where,
                         .expected = what + " " + core::quoted(name),
                         .received = "data without it",
                         .place = {},
                         .hint = core::nearest_hint(name, known)});
}

Eigen::MatrixXd recoded(const features::Dataset& data, const features::Encoder& encoder, const char* where) {
  require_coded(data.X, data.encoder, where);
  std::vector<std::string> known;
  for (const features::EncodedVariable& variable : data.encoder.variables()) known.push_back(variable.name);
  Eigen::MatrixXd out(data.n(), encoder.p());
  for (Eigen::Index column = 0; column < encoder.p(); ++column) {
    const features::EncodedVariable& to = encoder.variables()[static_cast<std::size_t>(column)];
    const Eigen::Index at = data.encoder.find(to.name);
    if (at < 0) refuse_name("the variable", to.name, known, where);
    const features::EncodedVariable& from = data.encoder.variables()[static_cast<std::size_t>(at)];
    require_unit(to.unit, from.unit, to.name, where);
    if (same_code(from, to)) {
      out.col(column) = data.X.col(at);
      continue;
    }
    for (Eigen::Index row = 0; row < data.n(); ++row) {
      out(row, column) = encoder.encode_value(column, data.encoder.decode_value(at, data.X(row, at)));
    }
  }
  return out;
}

}  // namespace

features::Dataset matching(const features::Dataset& data, const features::Encoder& encoder,
                           const std::vector<features::ResponseColumn>& responses, const char* where) {
  if (data.noise_variance.size() > 0) {
    throw core::DataError({.where = where,
                           .expected = "readings without noise variances of their own",
                           .received = "some with",
                           .place = {},
                           .hint = "fit again to all readings with their variances"});
  }
  features::Dataset out = data;
  out.X = recoded(data, encoder, where);
  out.encoder = encoder;
  out.responses = responses;
  out.Y.setConstant(data.n(), static_cast<Eigen::Index>(responses.size()), missing);
  std::vector<std::string> known;
  for (const features::ResponseColumn& response : data.responses) known.push_back(response.name);
  bool any = false;
  for (std::size_t r = 0; r < responses.size(); ++r) {
    const auto found = std::find(known.begin(), known.end(), responses[r].name);
    if (found == known.end()) continue;
    const auto at = found - known.begin();
    require_unit(responses[r].unit, data.responses[static_cast<std::size_t>(at)].unit, responses[r].name, where);
    const auto values = data.Y.col(at);
    if (values.array().isInf().any()) {
      throw core::DataError({.where = where,
                             .expected = "finite responses, NaN where one is missing",
                             .received = "an infinite value",
                             .place = "response " + core::quoted(responses[r].name),
                             .hint = {}});
    }
    out.Y.col(static_cast<Eigen::Index>(r)) = values;
    any = true;
  }
  if (!any && !responses.empty()) refuse_name("at least the response", responses.front().name, known, where);
  return out;
}

features::Dataset joined(const features::Dataset& first, const features::Dataset& second) {
  features::Dataset out = first;
  out.X.conservativeResize(first.n() + second.n(), Eigen::NoChange);
  out.Y.conservativeResize(first.n() + second.n(), Eigen::NoChange);
  out.X.bottomRows(second.n()) = second.X;
  out.Y.bottomRows(second.n()) = second.Y;
  std::map<std::string, std::int32_t> runs;
  std::map<std::string, std::int32_t> groups;
  for (std::size_t r = 0; r < out.run_count(); ++r) runs.emplace(out.run_ids[r], static_cast<std::int32_t>(r));
  for (std::size_t g = 0; g < out.group_count(); ++g) groups.emplace(out.group_labels[g], static_cast<std::int32_t>(g));
  std::vector<std::int32_t> place;
  for (std::size_t r = 0; r < second.run_count(); ++r) {
    const auto [run, added] = runs.try_emplace(second.run_ids[r], static_cast<std::int32_t>(out.run_count()));
    place.push_back(run->second);
    if (!added) continue;
    const std::string& label = second.group_labels[static_cast<std::size_t>(second.group[r])];
    const auto [group, fresh] = groups.try_emplace(label, static_cast<std::int32_t>(out.group_count()));
    if (fresh) out.group_labels.push_back(label);
    out.run_ids.push_back(second.run_ids[r]);
    out.run_time.push_back(second.run_time[r]);
    out.group.push_back(group->second);
  }
  for (const std::int32_t run : second.run) out.run.push_back(place[static_cast<std::size_t>(run)]);
  out.source_row.insert(out.source_row.end(), second.source_row.begin(), second.source_row.end());
  out.repeat.insert(out.repeat.end(), second.repeat.begin(), second.repeat.end());
  return out;
}

features::Dataset without(const features::Dataset& data, const std::vector<std::string>& run_ids) {
  const std::unordered_set<std::string> leaving(run_ids.begin(), run_ids.end());
  std::vector<std::int32_t> kept;
  for (std::size_t r = 0; r < data.run_count(); ++r) {
    if (!leaving.contains(data.run_ids[r])) kept.push_back(static_cast<std::int32_t>(r));
  }
  return data.subset(kept);
}

}  // namespace luban::surrogate::detail
