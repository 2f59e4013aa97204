#include <luban/recommend/detail/relation_conflict.hpp>

#include <limits>
#include <set>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/recommend/detail/signomial.hpp>
#include <luban/recommend/detail/words.hpp>

namespace luban::recommend::detail {
namespace {

/// The point that keeps the relations of a space, or comes nearest to them.
Eigen::VectorXd nearest_of(const SearchRegion& region) {
  return region.sample(1, core::RandomKey(0).child("conflict")).row(0).transpose();
}

bool compatible(const features::Encoder& encoder, const process::SearchSpace& space, const std::vector<Grid>& grids) {
  const SearchRegion region = SearchRegion::make(encoder, space, {}, grids);
  return region.signomials() == nullptr || region.contains(nearest_of(region));
}

/// Leaves out what does not resolve the conflict by its absence (deletion filter, Chinneck 2008).
template <typename Constraints>
void filter(const features::Encoder& encoder, const std::vector<Grid>& grids, process::SearchSpace& space,
            Constraints process::SearchSpace::*constraints) {
  for (std::size_t i = 0; i < (space.*constraints).size();) {
    process::SearchSpace without = space;
    (without.*constraints).erase((without.*constraints).begin() + static_cast<std::ptrdiff_t>(i));
    if (compatible(encoder, without, grids)) {
      ++i;
    } else {
      space = std::move(without);
    }
  }
}

std::vector<std::string> names_of(const process::SearchSpace& space) {
  std::vector<std::string> out;
  std::set<std::string> concerned;
  for (const process::SignomialConstraint& constraint : space.signomials) {
    out.push_back("constraint " + constraint.text());
    for (const process::Monomial& monomial : constraint.sum) {
      for (const auto& [name, exponent] : monomial.product) concerned.insert(name);
    }
  }
  for (const process::ParameterConstraint& constraint : space.constraints) {
    out.push_back("constraint " + constraint.text());
    for (const auto& [name, coefficient] : constraint.sum) concerned.insert(name);
  }
  for (const process::Parameter& parameter : space.parameters) {
    if (concerned.find(parameter.name) == concerned.end()) continue;
    out.push_back("search range of " + parameter.name + " [" + rounded(parameter.low) + ", " + rounded(parameter.high) +
                  "]" + unit_suffix(parameter.unit));
  }
  return out;
}

}  // namespace

void require_compatible(const features::Encoder& encoder, const process::SearchSpace& space,
                        const std::vector<Grid>& grids) {
  if (space.signomials.empty() || compatible(encoder, space, grids)) return;
  process::SearchSpace conflict = space;
  filter(encoder, grids, conflict, &process::SearchSpace::signomials);
  filter(encoder, grids, conflict, &process::SearchSpace::constraints);
  const SearchRegion region = SearchRegion::make(encoder, conflict, {}, grids);
  const Eigen::VectorXd nearest = nearest_of(region);
  std::vector<std::string> reached;
  for (const SignomialSet::Relation& relation : region.signomials()->relations()) {
    process::SignomialConstraint bare = relation.stated;
    bare.lower = -std::numeric_limits<double>::infinity();
    bare.upper = -bare.lower;
    reached.push_back(bare.text() + " = " + core::number_text(relation.sum.value(nearest)));
  }
  throw core::InfeasibleError({.where = "recommend.propose",
                               .expected = "settings that keep every range and relation",
                               .received = "none found: a contradiction between " + core::listed(names_of(conflict)) +
                                           "; the nearest settings give " + core::listed(reached),
                               .place = {},
                               .hint = "relax one of them"});
}

void keep_relations(const SearchRegion& region, core::RandomKey key, Eigen::VectorXd& x) {
  if (region.signomials() == nullptr || region.contains(x) || region.settle(x)) return;
  x = region.sample(1, key).row(0).transpose();
}

}  // namespace luban::recommend::detail
