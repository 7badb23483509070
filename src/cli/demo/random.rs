//! Chance for invented data, the same on every machine for the same seed. Nothing secret may come from here.

/// SplitMix64 (Steele, Lea, Flood 2014). Ten lines of our own, because a crate may change what a seed yields with any
/// new version, and the same seed has to give the same demo for ever.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n`-1, and 0 for an `n` of 0. (The bias of the widening product is below 2^-40 here.)
    pub(super) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.bits()) * n as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a hundred.
    pub(super) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several; none of nothing.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// The place of a weight, as often as it weighs; none when nothing weighs anything.
    pub(super) fn weighted(&mut self, weights: &[usize]) -> Option<usize> {
        let mut left = self.below(weights.iter().sum());
        weights.iter().position(|&weight| {
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }

    /// Puts items in a random order (Fisher-Yates).
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `N` bytes.
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.bits().to_le_bytes()[0])
    }
}

/// Shares `count` out by weight, to the last one (largest remainder): how many go to each weight.
pub(super) fn quotas(weights: &[usize], count: usize) -> Vec<usize> {
    let sum = weights.iter().sum::<usize>().max(1);
    let mut shares: Vec<usize> = weights.iter().map(|weight| weight * count / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).filter(|&i| weights[i] > 0).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(weights[i] * count % sum));
    let left = count.saturating_sub(shares.iter().sum());
    for &i in order.iter().take(left) {
        shares[i] += 1;
    }
    shares
}

/// `count` cards, each the place of a weight, in a random order: a sample whose shares are right to the last card.
pub(super) fn deck(random: &mut Random, weights: &[usize], count: usize) -> Vec<usize> {
    let shares = quotas(weights, count);
    let mut cards: Vec<usize> = shares.iter().enumerate().flat_map(|(i, &n)| std::iter::repeat_n(i, n)).collect();
    random.shuffle(&mut cards);
    cards
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_first_outputs_of_splitmix64() {
        // From the reference implementation, seed 1234567 (prng.di.unimi.it/splitmix64.c).
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.bits()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn shares_add_up_and_are_off_by_less_than_one() {
        for count in [0, 1, 7, 40, 500, 3_333] {
            let weights = [8, 22, 55, 12, 3];
            let shares = quotas(&weights, count);
            assert_eq!(shares.iter().sum::<usize>(), count);
            for (share, weight) in shares.iter().zip(weights) {
                assert!((share * 100).abs_diff(weight * count) < 100, "{count}");
            }
        }
    }

    #[test]
    fn weights_of_nothing_are_never_drawn() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| matches!(random.weighted(&[0, 3, 0, 1]), Some(1 | 3))));
        assert_eq!(random.weighted(&[0, 0]), None);
        assert_eq!(random.pick::<u8>(&[]), None);
    }
}
