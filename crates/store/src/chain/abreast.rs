//! The hashes of many envelopes at once: one alone keeps a wide processor waiting, sixteen side by side do not.
//!
//! BLAKE3 hashes an input of up to 1,024 bytes as one chunk: block after block of 64 bytes, each needing what came of the one
//! before (section 2.4 of its specification). Envelopes are such inputs, and need nothing of each other: the hash that one
//! names of the one before is among its bytes. So those of as many blocks are worked on together, by the functions that the
//! crate has for the chunks of one large input; they are public for crates like this one, though not documented, which is
//! why its version is pinned. `docs/decisions/0040-the-chain-is-checked-abreast.md` says what that is worth.

use blake3::platform::Platform;
use blake3::{BLOCK_LEN, IncrementCounter, OUT_LEN};

use super::{ChainHash, hash};

/// What a chunk's chaining value begins as, and how its first block, its last, and that of the root are marked (section 2.1, 2.2).
const IV: [u32; 8] =
    [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19];
const CHUNK_START: u8 = 1 << 0;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;

/// Runs through the whole blocks of inputs that have as many, and writes the chaining value of each.
type Chain = fn(Platform, &[&[u8]], &mut [u8]);

/// By how many whole blocks come before the last one of a chunk, from one on.
const CHAINS: [Chain; 15] = [
    chain::<64>,
    chain::<128>,
    chain::<192>,
    chain::<256>,
    chain::<320>,
    chain::<384>,
    chain::<448>,
    chain::<512>,
    chain::<576>,
    chain::<640>,
    chain::<704>,
    chain::<768>,
    chain::<832>,
    chain::<896>,
    chain::<960>,
];

/// The hash of each of these whole envelopes, in their order.
pub(crate) fn hash_each(envelopes: &[&[u8]]) -> Vec<ChainHash> {
    let mut hashes = vec![ChainHash([0; OUT_LEN]); envelopes.len()];
    let mut alike = [const { vec![] }; CHAINS.len()];
    for (place, envelope) in envelopes.iter().enumerate() {
        match blocks_before_last(envelope).checked_sub(1).and_then(|blocks| alike.get_mut(blocks)) {
            Some(alike) => alike.push(place),
            // It is more than one chunk, or a single block.
            None => hashes[place] = hash(envelope),
        }
    }
    let platform = Platform::detect();
    let (mut inputs, mut values) = (vec![], vec![]);
    for (places, chain) in alike.iter().zip(CHAINS).filter(|(places, _)| !places.is_empty()) {
        inputs.clear();
        inputs.extend(places.iter().map(|place| envelopes[*place]));
        values.resize(inputs.len() * OUT_LEN, 0);
        chain(platform, &inputs, &mut values);
        for (place, value) in places.iter().zip(values.as_chunks().0) {
            hashes[*place] = last_block(platform, envelopes[*place], value);
        }
    }
    hashes
}

/// How many whole blocks come before the last one, which may be whole, too.
fn blocks_before_last(envelope: &[u8]) -> usize {
    envelope.len().saturating_sub(1) / BLOCK_LEN
}

fn chain<const BYTES: usize>(platform: Platform, envelopes: &[&[u8]], values: &mut [u8]) {
    let whole = envelopes.iter().map(|envelope| envelope.first_chunk().expect("they have as many blocks"));
    let inputs: Vec<&[u8; BYTES]> = whole.collect();
    platform.hash_many(&inputs, &IV, 0, IncrementCounter::No, 0, CHUNK_START, 0, values);
}

/// The hash, once its blocks but for the last have given this chaining value.
fn last_block(platform: Platform, envelope: &[u8], value: &[u8; OUT_LEN]) -> ChainHash {
    let (words, _) = value.as_chunks();
    let mut value: [u32; 8] = std::array::from_fn(|word| u32::from_le_bytes(words[word]));
    let rest = &envelope[blocks_before_last(envelope) * BLOCK_LEN..];
    let mut block = [0; BLOCK_LEN];
    block[..rest.len()].copy_from_slice(rest);
    platform.compress_in_place(&mut value, &block, rest.len() as u8, 0, CHUNK_END | ROOT);
    let mut hash = [0; OUT_LEN];
    hash.as_chunks_mut().0.iter_mut().zip(value).for_each(|(out, word)| *out = word.to_le_bytes());
    ChainHash(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that differ from place to place and from one input to the next.
    fn input(number: usize, bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| (at * 131 + number * 29 + at / 256) as u8).collect()
    }

    fn compare(inputs: &[Vec<u8>]) {
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let each: Vec<_> = inputs.iter().map(|input| hash(input)).collect();
        assert_eq!(hash_each(&inputs), each);
    }

    #[test]
    fn inputs_of_every_size_have_the_hash_that_each_has_alone() {
        compare(&(0..=2_100).map(|bytes| input(bytes, bytes)).collect::<Vec<_>>());
    }

    #[test]
    fn any_number_of_them_can_go_together() {
        for bytes in [1, 64, 65, 127, 128, 129, 400, 960, 961, 1_023, 1_024, 1_025] {
            for count in 0..70 {
                compare(&(0..count).map(|number| input(number, bytes)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn they_come_in_the_order_in_which_they_were_given() {
        let sizes = [400, 90, 1_500, 0, 400, 399, 447, 90, 1_024, 448, 385, 384];
        compare(&sizes.iter().cycle().take(100).zip(0..).map(|(it, n)| input(n, *it)).collect::<Vec<_>>());
    }

    #[test]
    fn every_way_that_this_processor_knows_comes_to_the_same() {
        let inputs: Vec<_> = (0..40).map(|number| input(number, 412)).collect();
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        let mut platforms = vec![Platform::Portable];
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        platforms.extend([Platform::sse2(), Platform::sse41(), Platform::avx2()].into_iter().flatten());
        for platform in platforms {
            let mut values = vec![0; inputs.len() * OUT_LEN];
            CHAINS[5](platform, &inputs, &mut values);
            for (input, value) in inputs.iter().zip(values.as_chunks().0) {
                assert_eq!(last_block(platform, input, value), hash(input), "{platform:?}");
            }
        }
    }
}
