package engine

// blockPool counts KV blocks. It follows vLLM's rules without naming blocks:
// freed blocks queue up at the tail of the free list with their contents,
// allocation takes from its head, and a prefix stays cached until the
// allocations since its release have eaten their way to it.
type blockPool struct {
	usable   int
	used     int
	popped   int // blocks ever taken from the head of the free list
	prefixes map[uint64]*cachedPrefix
}

// cachedPrefix is one shared prefix whose blocks hold valid KV.
type cachedPrefix struct {
	blocks  int
	users   int // running sequences that hold it
	evictAt int // popped count beyond which an unused prefix is gone
}

func newBlockPool(usable int) blockPool {
	return blockPool{usable: usable, prefixes: map[uint64]*cachedPrefix{}}
}

func (p *blockPool) free() int { return p.usable - p.used }

// take allocates n blocks; the caller has checked that they are free.
func (p *blockPool) take(n int) {
	p.used += n
	p.popped += n
}

func (p *blockPool) give(n int) { p.used -= n }

// lookup finds a prefix that is still cached.
func (p *blockPool) lookup(id uint64) *cachedPrefix {
	c := p.prefixes[id]
	if c == nil {
		return nil
	}
	if c.users == 0 && p.popped > c.evictAt {
		delete(p.prefixes, id)
		return nil
	}
	return c
}

// cost is how many free blocks using the prefix takes off the free list.
func (c *cachedPrefix) cost() int {
	if c == nil || c.users > 0 {
		return 0
	}
	return c.blocks
}

// hold adds a user; an unused prefix leaves the free list without being popped.
func (p *blockPool) hold(c *cachedPrefix) {
	p.used += c.cost()
	c.users++
}

func (p *blockPool) release(c *cachedPrefix) {
	c.users--
	if c.users == 0 {
		p.used -= c.blocks
		c.evictAt = p.popped + p.free() - c.blocks
	}
}

// share turns blocks a sequence owns into a cached prefix it is the user of.
func (p *blockPool) share(id uint64, blocks int) *cachedPrefix {
	c := &cachedPrefix{blocks: blocks, users: 1}
	p.prefixes[id] = c
	return c
}
