from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0008_quality_days'),
    ]

    operations = [
        migrations.AlterField(
            model_name='view',
            name='identity',
            field=models.CharField(choices=[('token', 'Signed viewer id'), ('cmcd', 'CMCD session id'), ('apple', "Apple's session id"), ('address', 'Address and software'), ('reported', 'Reported by its player')], editable=False, max_length=8),
        ),
    ]
