import { FORMS } from '../support/dynamics-forms.ts';
import { dynamicsSuite } from '../support/dynamics-suite.ts';

for (const [form, make] of FORMS) dynamicsSuite(form, make);
