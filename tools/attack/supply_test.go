//go:build unix

package attack

import "testing"

func TestAttackSupply(t *testing.T) {
	try(t, "what is installed",
		attack{
			name:  "an archive that was not built from this commit",
			tried: "the sources are built in two folders and packed twice",
			holds: "both archives have the same bytes, without a path of the machine, so anybody can compare",
			test:  "tools/publish.TestTwoBuildsInTwoFoldersGiveTheSameArchive",
		},
		attack{
			name:  "an image that is another tomorrow",
			tried: "every compose file, manifest and Dockerfile is read for images with a tag that moves",
			holds: "every image has an exact tag and goes through deploy/images.txt, where digests are pinned",
			test:  "tools/images.TestEveryImageIsExactAndGoesThroughTheList",
		},
		attack{
			name:  "code under a licence that does not go with ours",
			tried: "a module under the AGPL or the GPL, or without a licence that is known, is linked in",
			holds: "the check refuses it",
			test:  "tools/licences.TestAModuleIsJudgedByAllItsLicences",
		},
	)
}
